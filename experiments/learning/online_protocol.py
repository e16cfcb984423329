"""How learning on the board is judged; written before the first run that it judges.

The scenario is the example of README, an Odroid-XU4's twin at 40 degC under an L_c of 60 ms; it is
no part of suite v2. Every learner begins without any knowledge and keeps its own reward and its own
exploration; all seeds are counted and drawn.
"""

LEARNERS = ("learn:ztt", "learn:lotus", "learn:q_table")

LEVELS = ("tvfs", "predictive_generic", "student")
"""Controllers that do not learn as they run, beside them in the same rounds."""

REFERENCE = "tvfs"

FRAMES, SEEDS = 120_000, 5
"""Frames of an episode, some two hours; episodes of each controller."""

BLOCKS = 60
"""Blocks of an episode, of which the curves are made: 2,000 frames each."""

LASTING = 5
"""A learner has beaten the reference at the end of the first block where its reliable accuracy over
so many blocks exceeds the reference's over the same blocks of the same seed."""

END = 0.25
"""Last share of the blocks, in which what has been learnt is compared."""
