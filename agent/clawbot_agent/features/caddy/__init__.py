"""Stage `caddy`: the reverse proxy in front of the gateway."""
