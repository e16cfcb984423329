"""TVFS: the published method and its extensions."""
