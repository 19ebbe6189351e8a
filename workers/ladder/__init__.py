"""Trainings up a ladder of fidelities, to the target by which a front is judged."""
