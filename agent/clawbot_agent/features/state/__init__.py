"""Stage `state`: the bot data, mounted at the state directory of OpenClaw."""
