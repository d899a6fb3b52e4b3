"""Stage `lease` and its daemon: one instance at a time owns the bot data."""
