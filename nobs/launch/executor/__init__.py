"""Executors of runs: native, in a container, and a fake for tests."""
