"""``tvfs-gym models`` and ``dev record``: families of networks."""
