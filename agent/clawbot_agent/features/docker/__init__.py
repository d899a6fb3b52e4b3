"""Stage `docker`: the engine and its daemon.json."""
