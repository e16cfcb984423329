"""Bounds of what can be meant."""

MOST_FRAMES = 1_000_000
"""Frames of the longest episode; no episode has more steps."""

GUARD_C = 3.0
"""Distance to T_max at which the kernels' maps of trips end and the published learners' rewards see
the limit: three steps of the Odroid-XU4's sensor. The other controllers' guards are tuned."""
