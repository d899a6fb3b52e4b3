"""Evidence: one redacted archive that tells how an instance is and how it came to that.

`bundle.collect` puts it together. A module for each kind of source; whatever they bring goes
through `redaction`, and nothing else writes into the archive.
"""
