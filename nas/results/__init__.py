"""Results of a study: its front, how sure its figures are, and what they say."""
