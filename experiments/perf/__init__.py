"""``tvfs-gym perf``: what the environments, a training and the loop on a board cost."""
