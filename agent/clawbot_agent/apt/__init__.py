"""Debian's package tools: what they say and how they are called. Knows nothing of stages."""
