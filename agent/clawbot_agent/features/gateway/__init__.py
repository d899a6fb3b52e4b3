"""Stages `openclaw-config` and `gateway`: the OpenClaw gateway and its container."""
