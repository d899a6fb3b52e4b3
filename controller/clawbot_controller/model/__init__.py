"""Desired Azure resources: pure functions from a deployment to request bodies."""
