"""Older reports as reports of this schema: what they can't tell is absent, nothing is invented."""
