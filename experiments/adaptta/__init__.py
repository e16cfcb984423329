"""``tvfs-gym adaptta``: AdapTTA recorded and live, its thresholds and readings."""
