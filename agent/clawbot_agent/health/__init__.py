"""The health sidecar: checks of the components, judgements on the bot, and the pages it serves."""
