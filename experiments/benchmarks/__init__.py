"""``tvfs-gym benchmark``: controllers times scenarios times seeds."""
