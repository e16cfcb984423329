"""How learning on the board is judged; written before the first run that it judges."""

BOARD, L_C_MS, AMBIENT_C = "odroid_xu4", 60.0, 40.0
"""The scenario: the board's twin in a warm room, the example of README; no part of suite v2."""

LEARNERS = ("learn:ztt", "learn:lotus", "learn:q_table")
"""The published methods, each with its own reward, its own exploration, and nothing learnt before."""

LEVELS = ("tvfs", "predictive_generic", "student")
"""Controllers that do not learn as they run, beside them in the same rounds."""

REFERENCE = "tvfs"

FRAMES, SEEDS = 120_000, 5
"""Frames of an episode, some two hours; episodes of each, all counted and all drawn."""

BLOCK = 2_000
"""Frames of a block, of which the curves are made.

A learner beats the reference from the first block on at whose end its reliable accuracy over the
last `LASTING` blocks exceeds the reference's over the same blocks of the same seed.
"""

LASTING = 5

END = 0.25
"""Last share of the blocks, in which what has been learnt is compared with what others are."""
