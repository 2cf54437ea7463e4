"""Malformed inputs, hundreds of them, each judged by the same rules: see docs/robustness.md."""
