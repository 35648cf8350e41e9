"""Runs on other machines by the system's ssh: started, followed, brought home."""
