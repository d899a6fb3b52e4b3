"""What follows a run: status file, event log, console, table."""
