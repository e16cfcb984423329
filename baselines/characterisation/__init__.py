"""Characterisation: measuring a board at design time, and the file of what was measured."""
