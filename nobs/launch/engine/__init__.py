"""The container engine: which one, its facts, and routes from it to the host."""
