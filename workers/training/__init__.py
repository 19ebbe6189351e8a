"""Training: one loop with its recipe policy, optimisers and schedules, and the proxy evaluator that judges by it."""
