"""Hundreds of malformed inputs: each is refused in one line, or what it damaged is made again."""

from __future__ import annotations

import pytest

from tests.fuzz.groups import GROUPS
from tests.fuzz.suite import Suite, failures, table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    with Suite(tmp_path_factory.mktemp("fuzz")) as made:
        yield made
    print(f"\n{table(made.verdicts)}")


@pytest.mark.parametrize("group", GROUPS)
def test_malformed_inputs_are_refused_in_one_line_or_repaired(suite, group):
    verdicts = suite.run(group)
    assert not failures(verdicts), f"\n{failures(verdicts)}"
