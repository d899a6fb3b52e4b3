"""What the commands do with bots. Every operation may raise any `AzureError`."""
