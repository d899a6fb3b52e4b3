"""Access to Azure: the only package that sends requests to it. They may raise any `AzureError`."""
