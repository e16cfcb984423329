"""Published claims that the twin gives by construction, and how far they hold."""
