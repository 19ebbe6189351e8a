"""The evaluator `supernet`: one training for every member of a space."""
