"""The operator's file: one bot and where in Azure it is to be."""
