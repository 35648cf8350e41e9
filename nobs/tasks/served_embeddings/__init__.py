"""`embeddings-served`: texts per second and latency of a server's embeddings, by load."""
