"""Shutdown of an instance: drain the gateway, flush the bot data, release the lease, approve."""
