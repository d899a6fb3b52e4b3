"""The health sidecar: what it checks, how it judges, and what it serves."""
