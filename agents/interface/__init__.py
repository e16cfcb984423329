"""The learning interface: rungs to act on, and a history to see, for every learnt controller."""
