"""Azure announces that the instance goes: leave in order, or go on when it stays.

`daemon` asks Azure, `leave` does one thing after the other, `instance` is the machine around
them, `report` is what the rest of the instance is told.
"""
