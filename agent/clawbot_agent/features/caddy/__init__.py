"""Stage `caddy`: the web server in front of the gateway."""
