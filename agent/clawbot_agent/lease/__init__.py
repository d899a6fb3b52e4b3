"""The lease: at most one instance at a time has the bot's memory.

`record` is what is on the share, `watch` judges it from outside, `tenure` from inside,
`daemon` joins them to the machine, `report` is what the rest of the instance is told.
"""
