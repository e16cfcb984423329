"""Bounds of what can be meant."""

MOST_FRAMES = 1_000_000
"""Frames of the longest episode; no episode has more steps."""
