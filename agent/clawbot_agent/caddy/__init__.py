"""The web server: what it is to serve, what it serves, and what keeps it from starting."""
