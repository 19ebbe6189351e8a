"""Real trainings: a table of what networks reach after them, and comparisons of searches by it."""
