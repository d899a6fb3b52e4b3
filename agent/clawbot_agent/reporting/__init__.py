"""Observers of a run: status file, event log, console, terminal."""
