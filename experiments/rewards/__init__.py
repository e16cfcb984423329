"""Rewards compared: policies trained under each, judged by the same metrics."""
