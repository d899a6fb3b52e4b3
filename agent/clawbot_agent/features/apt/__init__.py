"""Stage `apt`: Debian packages, installed in one transaction."""
