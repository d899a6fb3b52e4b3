"""Mounts: the kernel's table, and systemd mount units."""
