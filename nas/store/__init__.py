"""The SQL store: Optuna's tables and ours in one database."""
