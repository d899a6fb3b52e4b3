"""Stage `disk-space`: what is not the bot's is removed from a disk that is nearly full."""
