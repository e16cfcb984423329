"""The algorithms of stable-baselines3 and sb3-contrib on the batch of twins; they need PyTorch."""
