"""Jobs that are killed at any moment and started again: nothing lost, nothing doubled, the same numbers.

``python -m tests.kills --moments 20`` prints the table of docs/robustness.md.
"""
