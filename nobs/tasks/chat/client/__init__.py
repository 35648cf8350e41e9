"""The streaming client: stamps bytes on arrival, parses them after the stream ended."""
