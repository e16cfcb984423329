"""Learned controllers: training, tuning, judging."""
