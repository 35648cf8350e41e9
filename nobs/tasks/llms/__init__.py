"""`llms`: the client that times streamed chat completions; the task itself isn't registered yet."""
