"""Access to Azure: the only package of the controller that sends requests to it."""
