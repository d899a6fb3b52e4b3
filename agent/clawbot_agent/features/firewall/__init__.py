"""Stage `firewall`: containers cannot reach the metadata service and the wire server."""
