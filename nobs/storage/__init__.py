"""Records on disk: run directories, atomic files, reading of untrusted files."""
