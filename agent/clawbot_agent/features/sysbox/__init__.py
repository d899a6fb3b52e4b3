"""Stage `sysbox`: the Sysbox runtime, verified by SHA-256 and by a test container."""
