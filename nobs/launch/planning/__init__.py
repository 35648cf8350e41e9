"""From a request to a plan: a value that says everything a run will do."""
