"""Different labels are different files, everywhere."""

import unicodedata

from hypothesis import assume, example, given
from hypothesis import strategies as st

from emo.files.names import LONGEST, name_part

LABEL = st.text(
    st.sampled_from("aAbß/-_ .+~%éé\u0301\u200b") | st.characters(codec="utf-8"), max_size=99
)


@given(LABEL, LABEL)
@example("a/b", "a-b")
@example("a b", "a-b")
@example("valence+", "valence-")
@example("Happy", "happy")
@example("é", "e\u0301")
@example("x" * 70, "x" * 71)
@example("", "-")
@example("CON", "con")
def test_labels_that_differ_have_names_that_differ_on_every_file_system(a, b):
    assume(a != b)
    assert seen(name_part(a)) != seen(name_part(b))


@given(LABEL)
def test_no_name_is_that_of_another_label_as_well(a):
    assume(name_part(a) != a)
    assert seen(name_part(name_part(a))) != seen(name_part(a))


@given(LABEL)
def test_a_name_is_short_and_plain(label):
    name = name_part(label)
    assert 0 < len(name) <= LONGEST
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-~")


def test_plain_labels_are_their_own_names():
    for label in ("sad", "at_ease", "gemma2-2b", "x" * LONGEST):
        assert name_part(label) == label


def seen(name):
    """A name as a file system without case and Unicode forms sees it."""
    return unicodedata.normalize("NFC", name.casefold())
