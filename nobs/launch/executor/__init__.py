"""How a run is carried out: on this machine, in a container, or by nobody in tests."""
