"""Ratios of things timed in one run. Figures go to docs/benchmarks.md; no test asserts a time."""
