"""The machine it runs on: Linux's sysfs, TFLite, and settings that are always restored.

From the ground up: `guardian` (restores), `session` (lock, saved state, guardian process),
`capabilities` (what the board can), `frequency`, `fan` and `sensors` (what is set and read),
`safety` (hard limit), `machine` (all of these); they need the standard library alone. `frames`,
`inference` and `meter` run the networks, and `board` puts it all together.
"""

LINUX = "linux"
"""Name of the board that the program itself runs on."""
