"""The container of a run: planned as a value, created, watched and removed."""
