"""Stage `share`: an Azure Files share, mounted with an account key or a Kerberos ticket."""
