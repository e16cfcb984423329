"""Controllers with a model of the board: they follow its heat and latency on line."""
