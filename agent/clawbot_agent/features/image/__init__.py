"""Stages `image` and `image-archive`: the container image, built, pulled or loaded."""
