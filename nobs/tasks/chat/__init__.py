"""Served models: what the tasks that send chat completions share."""
