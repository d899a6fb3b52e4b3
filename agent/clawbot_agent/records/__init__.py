"""Every JSON document that the agent keeps on disk or on the share, each as one typed class."""
