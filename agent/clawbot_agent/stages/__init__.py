"""The steps from a bare machine to a bot, one stage a file. They do not import each other."""
