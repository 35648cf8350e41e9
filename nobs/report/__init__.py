"""The reading side: build, read, validate and compare reports."""
