"""A worker's HTTP in a process of its own: no fold keeps a caller waiting."""
