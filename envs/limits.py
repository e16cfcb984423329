"""Bounds of what can be meant."""

MOST_FRAMES = 1_000_000
"""Frames of the longest episode; no episode has more steps."""

GUARD_C = 3.0
"""Distance to T_max at which a controller acts: three steps of the Odroid-XU4's sensor."""
