"""The life of a run: started, followed, detached, resumed and cleaned up."""
