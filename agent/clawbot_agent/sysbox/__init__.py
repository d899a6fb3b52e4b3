"""The Sysbox container runtime: its package, its place in daemon.json, its proof."""
