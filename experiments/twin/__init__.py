"""``tvfs-gym identify``, ``validate`` and ``dev fidelity``: a twin from traces, and its error."""
