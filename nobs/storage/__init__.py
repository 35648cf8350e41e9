"""Where records stand on disk: run directories, atomic files, reading what others wrote."""
