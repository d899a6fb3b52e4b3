"""The deployment file: one bot and where in Azure it runs."""
