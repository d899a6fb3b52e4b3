"""Stage `disk-space`: removes caches and old images before a disk is full."""
