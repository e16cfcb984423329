"""The published on-line learners."""
