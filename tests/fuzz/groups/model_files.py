"""Tokenizers, chat templates and weights of a model folder."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fuzz.case import Case, May
from tests.fuzz.damage import (
    BYTES,
    KINDS,
    json_texts,
    open_tensors,
    put,
    tensor_files,
    tensors,
    wrong_values,
)
from tests.fuzz.drawing import chance
from tests.fuzz.groups.model_folder import (
    ARGS,
    EVIL,
    NAMED,
    Change,
    case,
    edited,
    kind_case,
    replaced,
)
from tests.fuzz.place import STORIES

TEMPLATES = {
    "a template that is none": "{% for m in messages %}",
    "a template that divides by nothing": "{{ 1 / 0 }}",
    "a template that wants what is not there": "{{ messages[7].content.a.b }}",
    "a template that refuses": "{{ raise_exception('only three turns, please') }}",
    "a template that calls the system": (
        "{{ cycler.__init__.__globals__.os.system('touch $FUZZ_CANARY') }}"
        "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    ),
    "a template without an end": (
        "{% for i in range(10 ** 10) %}{% for j in range(10 ** 10) %}x{% endfor %}{% endfor %}"
    ),
    "a template that writes nothing": "{# nothing #}",
    "a template that includes a file": "{% include '/etc/passwd' %}",
}


def tokenizers() -> list[Case]:
    """tokenizer.json, tokenizer_config.json and chat templates."""
    rng = chance("tokenizers")
    documents = json_texts({"version": "1.0"})
    found = [
        case(f"tokenizer.json {name}", replaced("tokenizer.json", documents[name]))
        for name in rng.sample(sorted(documents), 5)
    ]
    found += [
        kind_case("tokenizer.json", n)
        for n in ("is empty", "is cut in half", "is noise", "is a folder", "is gone")
    ]

    def wrongs(folder: Path, index: int) -> None:
        path = folder / "tokenizer.json"
        content = json.loads(path.read_text())
        model = {**content["model"], "vocab": {}, "merges": []}
        light = {
            **content,
            "model": {k: v for k, v in model.items() if k not in ("vocab", "merges")},
        }
        _, wrong = wrong_values(light, 5, chance("tokenizer.json"))[index]
        if isinstance(wrong.get("model"), dict):
            wrong["model"] |= {k: content["model"][k] for k in ("vocab", "merges")}
        put(path, json.dumps(wrong))

    for i in range(5):
        found.append(
            case(
                f"tokenizer.json with a wrong value {i}",
                lambda folder, i=i: wrongs(folder, i),
                (*ARGS, "output=json"),
                may=May.finish,
            )
        )
    edits: dict[str, Callable[[Any], Any]] = {
        "no words": lambda c: {**c, "model": {**c["model"], "vocab": {}, "merges": []}},
        "a merge of what is not there": lambda c: {
            **c,
            "model": {**c["model"], "merges": [["qqq", "zzz"]]},
        },
        "two words of one number": lambda c: {
            **c,
            "model": {**c["model"], "vocab": dict.fromkeys(c["model"]["vocab"], 3)},
        },
        "negative numbers": lambda c: {
            **c,
            "model": {**c["model"], "vocab": {k: -v for k, v in c["model"]["vocab"].items()}},
        },
        "numbers above the embedding": lambda c: {
            **c,
            "model": {**c["model"], "vocab": {k: v + 5000 for k, v in c["model"]["vocab"].items()}},
        },
        "another kind of model": lambda c: {**c, "model": {"type": "Nothing"}},
        "a post-processor of nothing": lambda c: {**c, "post_processor": {"type": "Nothing"}},
        "an added token above the embedding": lambda c: {
            **c,
            "added_tokens": [
                *c["added_tokens"],
                {**c["added_tokens"][0], "id": 9000, "content": "stood"},
            ],
        },
    }
    found += [
        case(f"tokenizer.json with {name}", edited("tokenizer.json", e))
        for name, e in edits.items()
    ]
    settings: dict[str, Any] = {
        "eos_token": 5,
        "pad_token": "<nothing>",
        "tokenizer_class": "NothingTokenizer",
        "model_max_length": "long",
        "added_tokens_decoder": {"9000": {"content": "stood", "special": True}},
        "auto_map": {"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]},
        "padding_side": "middle",
    }
    for key, value in settings.items():
        change = edited("tokenizer_config.json", lambda c, key=key, value=value: {**c, key: value})

        def damage(folder: Path, change: Change = change) -> None:
            change(folder)
            put(folder / "evil.py", EVIL)

        odd = key in (
            "model_max_length",
            "padding_side",
            "pad_token",
            "tokenizer_class",
            "added_tokens_decoder",
            "eos_token",
            "auto_map",
        )
        found.append(
            case(
                f"tokenizer_config.json with {key}={json.dumps(value)[:40]}",
                damage,
                (*ARGS, *["output=json"] * odd),
                may=May.finish if odd else May.refuse,
            )
        )
    matched = (
        *ARGS,
        *STORIES,
        "subparams=matched",
        "subparams.samples=1",
        "subparams.max_new_tokens=6",
    )
    found += [
        case(name, replaced("chat_template.jinja", text), matched, named=("template", *NAMED))
        for name, text in TEMPLATES.items()
    ]
    return found


def weights() -> list[Case]:
    """model.safetensors: other bytes, other headers, other shapes, other formats."""
    file = "model.safetensors"
    found = [kind_case(file, name) for name in (*BYTES, *KINDS) if name not in SAME_SIZE]
    for i, name in enumerate(HEADERS):

        def damage(folder: Path, name: str = name) -> None:
            put(folder / file, tensor_files((folder / file).read_bytes())[name])

        found.append(case(f"{file} {i} {name}", damage))
    for name, change in TENSORS.items():

        def damage(folder: Path, change: Callable[..., Any] = change) -> None:
            header, data = open_tensors((folder / file).read_bytes())
            put(folder / file, tensors(*change(header, bytearray(data))))

        may = May.fail if name in COMPUTED else May.refuse
        found.append(case(f"{file} {name}", damage, may=may))
    return found


SAME_SIZE = (
    "has a flipped bit in the middle",
    "has a flipped bit at its end",
    "ends in zeros",
    "is a link to /dev/urandom",
)
"""Other weights, which nobody can tell from right ones; and one device is enough."""
HEADERS = (
    "names a header of 2^60 bytes",
    "names a header of 0 bytes",
    "has a header that is no JSON",
    "has offsets behind its end",
    "has an unknown number format",
    "has a shape of more than its bytes",
    "has a shape of fewer axes",
    "has no tensor",
)


def _of(header: dict[str, Any], word: str) -> str:
    return next(name for name in header if word in name)


def _filled(word: str, value: float) -> Callable[..., Any]:
    def change(header: dict[str, Any], data: bytearray) -> Any:
        begin, end = header[_of(header, word)]["data_offsets"]
        data[begin:end] = struct.pack("<f", value) * ((end - begin) // 4)
        return header, bytes(data)

    return change


def _lacking(word: str) -> Callable[..., Any]:
    def change(header: dict[str, Any], data: bytearray) -> Any:
        name = _of(header, word)
        begin, end = header[name]["data_offsets"]
        left = {}
        for key, entry in header.items():
            if key == name:
                continue
            if key != "__metadata__":
                a, b = entry["data_offsets"]
                shift = end - begin if a >= end else 0
                entry = {**entry, "data_offsets": [a - shift, b - shift]}
            left[key] = entry
        return left, bytes(data[:begin] + data[end:])

    return change


TENSORS: dict[str, Callable[..., Any]] = {
    "lacks a norm": _lacking("input_layernorm"),
    "lacks a layer's weights": _lacking("layers.1.mlp.up_proj"),
    "lacks the embedding": _lacking("embed_tokens"),
    "has an embedding of NaN": _filled("embed_tokens", float("nan")),
    "has a norm of infinity": _filled("input_layernorm", float("inf")),
    "has an embedding of zeros": _filled("embed_tokens", 0.0),
}
COMPUTED = ("has an embedding of NaN", "has a norm of infinity", "has an embedding of zeros")
"""Whole weights, of which only the activations show that they are of no use."""
