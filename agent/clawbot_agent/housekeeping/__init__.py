"""What takes room on the instance's own disk and is not the bot's: found, and removed."""
