"""The container engine: which one, what it says of itself, and the ways from it to the host."""
