"""The service that `nas dashboard` offers other programs: what it answers, and a client of it."""
