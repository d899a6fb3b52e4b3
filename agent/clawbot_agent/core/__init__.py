"""Errors, secrets, paths and constants: what every other package may use. Imports no other one."""
