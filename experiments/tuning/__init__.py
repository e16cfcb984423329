"""Tuning of the baselines: all guards and thresholds, by one command, on one distribution."""
