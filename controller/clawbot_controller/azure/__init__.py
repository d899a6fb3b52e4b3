"""The door to Azure: nothing else in the controller speaks to it."""
