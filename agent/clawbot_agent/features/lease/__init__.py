"""Stage `lease` and its daemon: one instance at a time uses the bot data."""
