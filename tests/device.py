"""The device that the contract suites open their backends on; their oracles stay on the CPU."""

import os

DEVICE = os.environ.get("EMO_TEST_DEVICE", "cpu")
"""``EMO_TEST_DEVICE=cuda pytest tests/activations/test_contract.py tests/steering/test_backends.py``"""
