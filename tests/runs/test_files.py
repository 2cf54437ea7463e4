"""Files of a run come back as what was written, and as nothing else."""

import dataclasses
import json
import math
import os
import types
import typing
from collections.abc import Mapping
from enum import Enum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from emo.core.compare.precision import AtLayer, PrecisionRow
from emo.core.compare.readers import Equivalence, EquivalenceReport
from emo.core.frames import ResidualFrame
from emo.core.geometry.generated import StoryDescriptors
from emo.core.records import (
    Activations,
    Bounds,
    Descriptors,
    EmotionVectors,
    LabelNull,
    LayerChoice,
    NestedChoice,
)
from emo.core.steering.dose_response import DoseSweep, SteeredText
from emo.core.steering.regimes import Limits
from emo.core.steering.text_measures import TextMeasures
from emo.errors import DamagedFile
from emo.files.checksums import Checksum
from emo.files.plain_records import from_plain
from emo.runs import files
from emo.tracking.spool import Entry

NAN = math.nan
CURVES = {"rdm_std": np.array([0.5, NAN]), "anisotropy": np.array([0.1, 0.2])}
DESCRIPTORS = Descriptors(
    n_layers=2,
    finite_layers=(0, 1),
    best_layer=1,
    best_layer_pct=50.0,
    reference_layers={"25%": 0},
    choices={"published": LayerChoice(1, 0.5, 0, 1, NAN), "accuracy": None},
    anisotropy=0.5,
    anisotropy_flag=False,
    rdm_std=0.25,
    reliability=None,
    accuracy=0.5,
    chance=0.2,
    analytic_floor=0.1,
    simulated_noise=0.5,
    nulls={"rdm_std": LabelNull(*[np.array([0.1, NAN])] * 4)},
    intervals={"accuracy": Bounds(*[np.array([0.1, NAN])] * 2)},
    nested={"accuracy": NestedChoice(0.5, None, 0.25, 0.5)},
    permutations=9,
    split_unit="situation",
    nearest=("calm", "sad", 0.5),
    farthest=("calm", "proud", -0.5),
    curves=CURVES,
)
STORIES = StoryDescriptors(
    n_layers=2,
    finite_layers=(1,),
    layer=1,
    layer_source="middle",
    centring="neutral",
    unit_norm=True,
    anisotropy=0.5,
    anisotropy_flag=True,
    rdm_std=0.1,
    reliability=0.5,
    split_unit="prompt",
    n_nominal=10.0,
    n_distinct=5.0,
    n_effective=5.0,
    n_short=0,
    nearest=("calm", "sad", 0.5),
    farthest=("calm", "proud", -0.5),
    curves=CURVES,
)
MEASURES = TextMeasures(4, False, NAN, 1.0, 1.0, 0.0, 2.5, 1.5, 0.5, True)
SWEEP = DoseSweep(
    steered=(SteeredText("one", "sad", "target", "all", 0.5, "She", MEASURES, MEASURES),),
    openings={"one": "And"},
    unsteered={"one": "then"},
    sampled={"one": ("a", "b")},
    limits=Limits(0.5, NAN, 4),
    done=1,
    reused=0,
    partners={"sad": "calm"},
    alike=("sad",),
)
LAYERS = [np.array([0.5, NAN])] * 6
EQUIVALENCE = EquivalenceReport(
    "fp32",
    3,
    2,
    {"bridge": Equivalence(*LAYERS, np.array([True, False]), np.array([True, True]), 1e-5)},
    {"hooked": "no such model"},
)
PRECISIONS = (
    PrecisionRow(
        "int8",
        "fp32",
        (),
        1,
        {"best": AtLayer(1, 0.5, None, 0.5, 0.5, None, 0.5)},
        9,
        8,
        7,
        6,
        5,
        None,
    ),
)
RECORDS = {
    "descriptors": (DESCRIPTORS, files.read_descriptors),
    "stories": (STORIES, files.read_story_descriptors),
    "steering": (SWEEP, files.read_steering),
    "equivalence": (EQUIVALENCE, files.read_equivalence),
    "precisions": (PRECISIONS, files.read_precisions),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("files") / "file"


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_comes_back(path, name):
    record, reader = RECORDS[name]
    files.write_json(record, path)
    read = reader(path)
    assert type(read) is type(record)
    assert repr(read) == repr(record)


def replaced(value, new, data):
    """A JSON value with one of its parts, drawn anywhere, replaced."""
    if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 3)) == 0:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    place = data.draw(st.sampled_from(list(copy) if isinstance(copy, dict) else range(len(copy))))
    copy[place] = replaced(copy[place], new, data)
    return copy


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.just(10**22),
    st.floats(0.1, 0.9),
    st.just("word"),
    st.just([]),
    st.just({}),
    st.just([{}]),
    st.just({"layer": []}),
)


@pytest.mark.parametrize("name", RECORDS)
@given(data=st.data())
def test_a_record_with_one_part_replaced_is_refused_or_says_what_the_file_says(path, name, data):
    record, reader = RECORDS[name]
    damaged = replaced(json.loads(json.dumps(files.plain(record))), data.draw(VALUES), data)
    path.write_text(json.dumps(damaged))
    try:
        read = reader(path)
    except DamagedFile as error:
        assert str(error).startswith(f"{path} is damaged: ")
        assert "\n" not in str(error)
    else:
        defaults = {"curves": {}, "n_neutral": None, "partners": {}, "alike": []}
        expected = defaults | damaged if isinstance(damaged, dict) else damaged
        read = files.plain(read)
        assert (defaults | read if isinstance(read, dict) else read) == expected


@pytest.mark.parametrize("change", [{"best_layer": 2}, {"best_layer": -1}, {"finite_layers": [5]}])
def test_a_layer_that_the_model_has_not_is_damage(path, change):
    path.write_text(json.dumps(files.plain(DESCRIPTORS) | change))
    with pytest.raises(DamagedFile, match=r"layer -?\d of 2"):
        files.read_descriptors(path)


VECTORS = EmotionVectors(np.ones((2, 3, 4)), ("a", "b", "c"), (1, 2, 3), "global", "none", True)
ACTIVATIONS = Activations(
    values=np.arange(24, dtype=np.float32).reshape(2, 3, 4)[:, [0, 1, 1]],
    item_ids=("1", "2", "3"),
    emotions=("a", "b", "c"),
    situations=None,
    neutral=np.ones((2, 1, 4), dtype=np.float32),
    position="last",
)
TENSORS = {
    "vectors": (VECTORS, files.write_vectors, files.read_vectors),
    "activations": (ACTIVATIONS, files.write_activations, files.read_activations),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_come_back(path, name):
    record, write, reader = TENSORS[name]
    write(record, path)
    for field in dataclasses.fields(record):
        was, read = getattr(record, field.name), getattr(reader(path), field.name)
        assert np.array_equal(was, read) if isinstance(was, np.ndarray) else was == read


FRAMES = {
    "plain": ResidualFrame(np.ones((2, 4)), np.array([1.0, NAN])),
    "z_score": ResidualFrame(
        np.ones((2, 4)), np.ones(2), np.ones((2, 4)), np.full((2, 4), math.inf), np.ones((2, 0, 4))
    ),
    "components": ResidualFrame(*[np.ones(s) for s in ((2, 4), 2, (2, 4), (2, 4), (2, 3, 4))]),
}


@pytest.mark.parametrize("name", FRAMES)
def test_the_frame_of_vectors_comes_back(path, name):
    files.write_vectors(dataclasses.replace(VECTORS, frame=FRAMES[name]), path)
    read = files.read_vectors(path).frame
    for field, was in vars(FRAMES[name]).items():
        assert (was is None) == (getattr(read, field) is None)
        assert was is None or np.array_equal(was, getattr(read, field), equal_nan=True)


@pytest.mark.parametrize("tensor", ["centre", "norm", "shift", "scale", "axes"])
def test_a_frame_of_another_width_is_damage(path, tensor):
    files.write_vectors(dataclasses.replace(VECTORS, frame=FRAMES["components"]), path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    labels = json.loads(content[8 : 8 + size])["__metadata__"]
    tensors = load(content)
    path.write_bytes(save(tensors | {tensor: tensors[tensor][..., :1].copy()}, labels))
    with pytest.raises(DamagedFile, match=f"tensor {tensor} is not float64"):
        files.read_vectors(path)


@pytest.mark.parametrize("name", TENSORS)
@given(data=st.data())
def test_labels_with_one_part_replaced_are_refused_or_taken_as_they_are(path, name, data):
    record, write, reader = TENSORS[name]
    write(record, path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    labels = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["labels"])
    damaged = replaced(labels, data.draw(VALUES), data)
    path.write_bytes(save(load(content), {"labels": json.dumps(damaged)}))
    try:
        read = reader(path)
    except DamagedFile as error:
        assert "\n" not in str(error)
    else:
        known = {f.name for f in dataclasses.fields(record)} & damaged.keys()
        for label in known:
            assert files.plain(getattr(read, label)) == damaged[label]


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: {},
        lambda tensors: {k: v[0] for k, v in tensors.items()},
        lambda tensors: {k: v.astype(np.float16) for k, v in tensors.items()},
        lambda tensors: {k: v[:, :0] for k, v in tensors.items()},
        lambda tensors: {k: v[..., i:] for i, (k, v) in enumerate(tensors.items(), 1)},
    ],
)
def test_tensors_of_another_shape_or_type_are_damage(path, name, change):
    record, write, reader = TENSORS[name]
    write(record, path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    labels = json.loads(content[8 : 8 + size])["__metadata__"]
    tensors = {k: np.ascontiguousarray(v) for k, v in change(load(content)).items()}
    path.write_bytes(save(tensors, labels))
    if name == "vectors" and tensors and tensors["vectors"].shape == (2, 3, 3):
        assert reader(path).values.shape == (2, 3, 3)  # nothing says how wide they are
    else:
        with pytest.raises(DamagedFile):
            reader(path)


@given(content=st.binary(max_size=60), keep=st.integers(0, 400))
def test_bytes_that_are_no_file_of_ours_are_damage(path, content, keep):
    files.write_vectors(VECTORS, path)
    whole = path.read_bytes()
    for changed in (content, whole[: min(keep, len(whole) - 1)], content + whole):
        path.write_bytes(changed)
        if changed != whole:
            with pytest.raises(DamagedFile):
                files.read_vectors(path)
        for reader in (files.read_descriptors, files.read_steering):
            with pytest.raises(DamagedFile):
                reader(path)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        for reader in (files.read_vectors, files.read_descriptors):
            with pytest.raises(DamagedFile, match="it is no file"):
                reader(path)


RECORD_TYPES = (
    Descriptors,
    StoryDescriptors,
    EquivalenceReport,
    tuple[PrecisionRow, ...],
    DoseSweep,
    dict[str, Checksum],
    Entry,
)
"""Everything that a run writes as JSON and that :func:`emo.files.reading.record_of` reads back."""


SIMPLE = {
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    int: st.integers(-9, 9),
    bool: st.booleans(),
    float: st.floats(allow_infinity=False),
}


def drawn(data, hint):
    """Any value of the type of a record or of its fields."""

    def several(kind):
        return [drawn(data, kind) for _ in range(data.draw(st.integers(0, 2)))]

    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{name: drawn(data, inner) for name, inner in hints.items()})
    if getattr(hint, "array_type", None) is np.ndarray or hint is np.ndarray:
        kind = bool if hint is not np.ndarray and "bool" in hint.dtypes else float
        return np.array([drawn(data, kind) for _ in range(2)], dtype=kind)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        value = drawn(data, next(a for a in args if a is not type(None)))
        absent = data.draw(st.booleans()) or value != value  # null is None there, not NaN
        return None if absent else value
    if origin is typing.Literal:
        return data.draw(st.sampled_from(args))
    if origin is tuple:
        same = args[1:] == (...,)
        return tuple(several(args[0]) if same else (drawn(data, each) for each in args))
    if origin is not None and issubclass(origin, Mapping):
        return dict(zip("ab", several(args[1]), strict=False))
    return data.draw(st.sampled_from(hint) if issubclass(hint, Enum) else SIMPLE[hint])


@pytest.mark.parametrize("hint", RECORD_TYPES, ids=str)
@given(data=st.data())
def test_every_record_comes_back_whatever_is_in_it(hint, data):
    record = drawn(data, hint)
    text = json.dumps(files.plain(record), allow_nan=False)
    assert repr(from_plain(hint, json.loads(text))) == repr(record)
