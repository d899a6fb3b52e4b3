"""The health sidecar: checks of the components, judgments on the bot, and the pages it serves."""
