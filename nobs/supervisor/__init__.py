"""The run: its steps in order, each in a fresh child, and the report rewritten after each."""
