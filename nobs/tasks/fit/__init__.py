"""Does it fit: memory of a model as batches or contexts grow, measured in a process of its own."""
