"""One look each. Nothing here reads from the share: each SMB operation costs, and may hang."""
