"""Each job, killed at random moments and started again, has what an undisturbed one has.

``EMO_KILL_MOMENTS=100 pytest -m slow tests/kills`` tries more of them; ``python -m tests.kills`` prints
the table, chains of kills, SIGTERM and SIGINT included.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forked import Warm
from tests.kills.cases import JOBS
from tests.kills.killing import Killing, Kind

MOMENTS = int(os.environ.get("EMO_KILL_MOMENTS", "20"))


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm() as process:
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_a_killed_job_that_is_started_again_is_an_undisturbed_one(
    warm: Warm, job: str, tmp_path: Path
) -> None:
    killing = Killing(warm, JOBS[job], tmp_path)
    for kind in (Kind.time, Kind.event):  # half of them where a file or a row is just written
        tally = killing.disturb(kind, max(MOMENTS // 2, 1))
        assert tally.moments >= max(MOMENTS // 4, 1)
        assert tally.clean, (job, kind, tally)
