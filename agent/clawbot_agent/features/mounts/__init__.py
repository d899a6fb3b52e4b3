"""Mounts of the instance: the kernel table, and mount units for systemd."""
