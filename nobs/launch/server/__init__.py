"""The server of a run's LLM: made usable, and reachable from a container without a network."""
