"""Stage `state`: the bot data, mounted where the gateway expects its state directory."""
