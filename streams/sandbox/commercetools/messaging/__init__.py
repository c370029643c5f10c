"""Messages: what writes say, who asked to be told, and how it gets there."""
