"""Executors of runs: native and in a container."""
