"""Files that are written whole, checked when they are read, and removed when a kill left them."""
