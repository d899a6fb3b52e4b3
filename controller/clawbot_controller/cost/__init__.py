"""What a bot costs in a month."""
