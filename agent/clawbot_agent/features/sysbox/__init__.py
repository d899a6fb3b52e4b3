"""Stage `sysbox`: the Sysbox runtime, checked by SHA-256 and proven by a container."""
