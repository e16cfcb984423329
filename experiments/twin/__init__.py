"""``tvfs-gym identify``, ``validate`` and ``fidelity``: a twin from traces, and its error."""
