"""The evaluator `supernet`: one training for all members of a space."""
