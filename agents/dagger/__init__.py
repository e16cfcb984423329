"""DAgger: a student learns to choose as a teacher does, on the ways that its own choices lead."""
