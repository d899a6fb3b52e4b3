"""Shutdown of an instance: stops the bot in order before Azure takes the machine away."""
