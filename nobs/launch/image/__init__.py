"""The image of a run: planned as a value, found or built."""
