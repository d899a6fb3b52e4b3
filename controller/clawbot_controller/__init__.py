"""The operator's side of clawbot-agent: creates and changes a bot's Azure resources.

It uses the agent's configuration and error base, and nothing else of the agent.
"""
