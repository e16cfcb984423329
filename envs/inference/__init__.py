"""The inner classifier: TFLite networks, augmented views, AdapTTA, and their recorded outcomes."""
