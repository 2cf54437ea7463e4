"""Two geometries or more beside each other."""
