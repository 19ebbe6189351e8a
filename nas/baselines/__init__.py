"""Known networks beside a study: their names, choice, trainings and records."""
