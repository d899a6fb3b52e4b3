"""What crosses instances: shutdown of this one, replacement by the next one."""
