"""Learned controllers: training, tuning."""
