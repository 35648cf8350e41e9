"""The container of a run: planned as a value, created, followed and removed."""
