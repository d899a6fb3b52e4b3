"""Runs stages: graph, locks, retries, budgets, the journal. It knows no stage."""
