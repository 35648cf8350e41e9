"""A run as it goes: started, watched, left, taken up again and cleaned up."""
