"""Tests of the repair sense."""
