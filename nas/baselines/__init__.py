"""Known networks beside a study: by name, chosen, trained and recorded."""
