"""Pure functions from a tool's text to values; text that says nothing gives nothing."""
