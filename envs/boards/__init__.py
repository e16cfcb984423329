"""Boards: the protocol, the digital twin, and board profiles."""
