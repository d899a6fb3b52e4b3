"""Drills: Azure's events and failures on a bot in virtual machines, with figures.

`.venv/bin/python -m tests.drills --help`; docs/reference/drills.md.
"""
