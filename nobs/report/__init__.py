"""What reports say: building, reading, judging and comparing them."""
