"""Traces of real boards: reading and checking them, and what warmed the chip in them."""
