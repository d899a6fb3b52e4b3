"""Stage `firewall`: containers are kept from the metadata service and the wire server."""
