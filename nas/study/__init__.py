"""A study and its search: opening, asking, stopping early, confirming, going on."""
