"""What the commands do: deploy, check, power, observe and destroy bots."""
