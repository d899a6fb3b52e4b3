"""Drills: what can happen to a bot in Azure, done to one in virtual machines, with figures.

`.venv/bin/python -m tests.drills --help`; docs/reference/drills.md.
"""
