"""The operator's side of clawbot-agent: what is done to Azure, from a laptop.

Of the agent it knows the configuration and the base of the errors, and nothing else.
"""
