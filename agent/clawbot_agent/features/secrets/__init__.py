"""Stage `secrets`: the gateway token and the OpenClaw fragment, from Key Vault or from files."""
