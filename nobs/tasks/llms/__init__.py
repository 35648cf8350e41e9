"""`llms`: latency, time to first token (TTFT) and tokens per second of a served model."""
