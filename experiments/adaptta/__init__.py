"""``tvfs-gym adaptta``: AdapTTA on recorded outcomes and live, its thresholds and readings."""
