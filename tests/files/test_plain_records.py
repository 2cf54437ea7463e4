"""Records come back from JSON as they were, and nothing of another type is taken for them."""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jaxtyping import Bool, Float64

from emo.files.plain_records import from_plain, plain


@dataclass(frozen=True)
class Inner:
    n: int
    share: float
    kind: Literal["one", "two"] = "one"


@dataclass(frozen=True)
class Outer:
    name: str
    flag: bool
    inner: Inner
    some: tuple[int, ...]
    pair: tuple[str, float]
    maybe: Inner | None
    by_name: dict[str, tuple[str, ...]]
    curve: Float64[np.ndarray, " layer"]
    mask: Bool[np.ndarray, " layer"]
    bare: np.ndarray


finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
inners = st.builds(
    Inner, st.integers(-9, 9), st.one_of(finite, st.just(math.nan)), st.sampled_from(["one", "two"])
)


def arrays(elements, dtype):
    return st.lists(elements, max_size=4).map(lambda x: np.array(x, dtype=dtype))


outers = st.builds(
    Outer,
    words,
    st.booleans(),
    inners,
    st.lists(st.integers(), max_size=3).map(tuple),
    st.tuples(words, finite),
    st.none() | inners,
    st.dictionaries(words, st.lists(words, max_size=2).map(tuple), max_size=2),
    arrays(st.one_of(finite, st.just(math.nan)), np.float64),
    arrays(st.booleans(), bool),
    arrays(finite, np.float64),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


def written(record):
    return json.loads(json.dumps(plain(record)))


def places(value, place=()):
    """Where something stands in a JSON value."""
    yield place
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            yield from places(entry, (*place, key))


def changed(value, place, new):
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = changed(value[place[0]], place[1:], new)
    return copy


@given(outers)
def test_records_come_back(record):
    read = from_plain(Outer, written(record))
    for field in dataclasses.fields(Outer):
        was, is_now = getattr(record, field.name), getattr(read, field.name)
        if isinstance(was, np.ndarray):
            assert was.dtype == is_now.dtype
            assert np.array_equal(was, is_now, equal_nan=was.dtype != bool)
        else:
            assert repr(was) == repr(is_now)


@given(outers, json_values, st.data())
def test_what_is_taken_says_what_the_file_said(record, new, data):
    """One value anywhere is replaced: it is refused, or is in the record as it stood in the file."""
    whole = written(record)
    damaged = changed(whole, data.draw(st.sampled_from(list(places(whole)))), new)
    try:
        read = from_plain(Outer, damaged)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(read, Outer)
        assert {"inner": {"kind": "one"}} | written(read) == {"inner": {"kind": "one"}} | damaged


@given(outers, st.sampled_from([f.name for f in dataclasses.fields(Outer)]))
def test_a_field_that_is_missing_is_named(record, name):
    whole = written(record)
    del whole[name]
    with pytest.raises(ValueError, match=f"{name} is missing"):
        from_plain(Outer, whole)


@given(outers, words)
def test_a_field_more_is_refused(record, name):
    assume(name not in written(record))
    with pytest.raises(ValueError, match="there is no such field"):
        from_plain(Outer, written(record) | {name: 1})


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (int, True, "the content is true or false, not a whole number"),
        (int, 1.5, "the content is a number, not a whole number"),
        (float, 10**400, "the content is a whole number, not a number"),
        (float, "1", "the content is a text, not a number"),
        (bool, 1, "the content is a whole number, not true or false"),
        (str, None, "the content is null, not a text"),
        (dict[str, int], [1], "the content is a list, not an object"),
        (tuple[int, ...], {"a": 1}, "the content is an object, not a list"),
        (tuple[int, int], [1], "the content has 1 entries, not 2"),
        (tuple[int, ...], [1, [2]], "1 is a list, not a whole number"),
        (Inner, {"n": 1, "share": 0.5, "kind": "three"}, "kind is 'three', none of one, two"),
        (dict[str, Inner], {"a b": {"n": None, "share": 1}}, "a b.n is null, not a whole number"),
        (dict[str, int], {"a\nb": "c"}, "'a\\nb' is a text, not a whole number"),
    ],
)
def test_the_place_and_the_types_are_said(hint, value, message):
    with pytest.raises(ValueError) as caught:
        from_plain(hint, value)
    assert str(caught.value) == message


def test_half_a_character_is_no_text():
    with pytest.raises(ValueError):
        from_plain(str, json.loads('"\\ud800"'))
