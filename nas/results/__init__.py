"""The results of a study: front, accuracy estimates, comparisons with baselines, convergence and rank correlation."""
