"""What job=validate reads and computes: one module per kind of evidence."""
