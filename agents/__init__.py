"""Learned controllers, run side by side with the baselines."""
