"""``tvfs-gym dev perf``: what the environments, a training and the loop on a board cost."""
