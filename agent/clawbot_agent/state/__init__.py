"""The bot's memory where it outlives the instance: an image file or files on the share."""
