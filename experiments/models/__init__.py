"""``tvfs-gym models`` and ``record``: families of networks."""
