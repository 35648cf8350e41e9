"""Pure functions from a tool's text to values; text without a value gives None."""
