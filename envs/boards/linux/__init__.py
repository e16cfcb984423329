"""The machine it runs on: Linux's sysfs, TFLite, and settings that are always restored.

From the ground up: `guardian` (restores), `session` (lock, saved state, guardian process),
`capabilities` (what the board can), `frequency` and `sensors` (what is set and read), `safety`
(hard limit); these need the standard library alone. `frames`, `inference` and `meter` run the
networks, and `board` puts it all together.
"""
