"""Training of the embedded networks ``digits``, their pictures and their page."""
