"""The twin's physics: power, heat, throttling, latency, and the one step function."""
