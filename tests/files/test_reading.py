"""What a reader refuses before it reads."""

import pytest

from emo.errors import DamagedFile
from emo.files.reading import LONGEST_JSON, record_of


def test_a_file_larger_than_any_record_is_damaged_and_not_read(tmp_path):
    path = tmp_path / "entry.json"
    with path.open("wb") as file:
        file.truncate(LONGEST_JSON + 2**30)  # sparse: no disk is full of it
    with pytest.raises(DamagedFile, match=r"entry\.json is damaged: 5\.0 GiB are no record"):
        record_of(dict[str, int], path)
    path.write_text('{"a": 1}')
    assert record_of(dict[str, int], path) == {"a": 1}
