"""``tvfs-gym run``, ``characterise``, ``replay`` and ``doctor``: controllers on one board."""
