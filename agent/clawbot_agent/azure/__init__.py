"""Azure as the instance sees it: its identity, and the secrets that the identity may read."""
