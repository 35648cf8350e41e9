"""Cold starts: from the start of a process or server to its first result, weights from disk."""
