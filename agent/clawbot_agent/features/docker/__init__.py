"""Stage `docker`: the Docker engine and its daemon.json."""
