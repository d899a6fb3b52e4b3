"""Health checks: one module for each component."""
