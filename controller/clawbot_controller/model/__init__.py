"""What a bot is in Azure: desired resources as pure functions of its deployment."""
