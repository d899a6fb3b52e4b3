"""Every JSON document the agent keeps on disk or on the share: one typed class each."""
