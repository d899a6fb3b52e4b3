"""What the agent knows about OpenClaw itself: its image, its configuration, its gateway."""
