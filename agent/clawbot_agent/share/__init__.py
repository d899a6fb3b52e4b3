"""The Azure Files share as the instance mounts it: options, credentials, tickets, errors."""
