"""What spans several instances of a bot: shutdown of one, replacement by the next."""
