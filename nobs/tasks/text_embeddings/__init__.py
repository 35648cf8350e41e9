"""`embeddings`: rows per second of sentence-transformers models on real texts."""
