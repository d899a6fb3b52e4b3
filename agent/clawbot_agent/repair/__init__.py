"""Repair sense: whether another instance would fail as those before it did.

`failures` is what is remembered on the share, `verdict` what follows from it, `sense` joins
them to a run.
"""
