"""`clawbot-agent serve`: how the bot is, answered at once from what was last seen."""
