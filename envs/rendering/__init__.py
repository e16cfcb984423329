"""Pictures of episodes, drawn with Pillow and NumPy."""
