"""The support bundle: what is collected, and how secrets are removed from it."""
