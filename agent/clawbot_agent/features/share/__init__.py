"""Stage `share`: the Azure Files share, mounted with an account key or a Kerberos ticket."""
