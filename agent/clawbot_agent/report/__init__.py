"""How a run is reported: records and events, lines, a table, and its progress."""
