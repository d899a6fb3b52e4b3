"""Stage `apt`: Debian packages in one update and one installation."""
