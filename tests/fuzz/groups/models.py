"""Model folders and ids: configs, shards, adapters, custom code, pointers, and what is no folder."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

from tests.fuzz.case import Case, May
from tests.fuzz.damage import json_texts, put, remove
from tests.fuzz.drawing import chance
from tests.fuzz.groups.model_files import tokenizers, weights
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
from tests.fuzz.place import SMALL, STORIES, Place

CONFIG: dict[str, Any] = {
    "num_hidden_layers": (0, -1, "two", None, 10**5, 2.5),
    "hidden_size": (0, -32, "wide", None, 30, 64, 10**9),
    "num_attention_heads": (0, 3, -4, "four", None),
    "num_key_value_heads": (0, 3, 8),
    "vocab_size": (0, 5, -1, "all", 10**10),
    "intermediate_size": (0, "wide"),
    "max_position_embeddings": (0, 1, -1, "long"),
    "hidden_act": ("nothing", 5, None),
    "rms_norm_eps": ("small", None),
    "model_type": ("nothing", "", None, 5, "bert", "t5", "whisper", "../llama"),
    "architectures": (["NothingForCausalLM"], "LlamaForCausalLM", 5),
    "dtype": ("float99", 5, "int8"),
    "pad_token_id": (10**6, -7, "pad"),
    "eos_token_id": (10**6, "end", [None]),
    "rope_parameters": ({"rope_type": "nothing"}, 5, {"rope_type": "yarn"}),
    "head_dim": (0, 7, "wide"),
    "attention_bias": ("maybe",),
    "quantization_config": ({"quant_method": "gptq", "bits": 4}, {"quant_method": "nothing"}, 5),
    "auto_map": ({"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"},),
    "is_encoder_decoder": (True,),
}
"""Key of config.json -> values that no model of this folder has."""
HARMLESS = (
    "architectures=",
    "eos_token_id=",
    "attention_bias=",
    "pad_token_id=",
    "dtype=",
    'max_position_embeddings="long',
    "is_encoder",
    "auto_map",
    "hidden_act=null",
    'rope_parameters={"rope_type": "yarn',
)
"""Beginnings of names of cases that may finish: the key is not used, or has a meaning."""


def cases(place: Place) -> list[Case]:
    """All kinds."""
    return [*configs(), *tokenizers(), *weights(), *others(), *ids()]


def configs() -> list[Case]:
    """config.json: other documents, other values."""
    rng = chance("configs")
    found = []
    for name, text in sorted(json_texts({"model_type": "llama"}).items()):
        found.append(case(f"config.json {name}", replaced("config.json", text)))
    for key, values in CONFIG.items():
        for value in values if len(values) < 3 else rng.sample(values, 2):
            words = f"{key}={json.dumps(value)[:40]}"
            odd = words.startswith(HARMLESS)
            change = edited("config.json", lambda c, key=key, value=value: {**c, key: value})

            def damage(folder: Path, change: Change = change, key: str = key) -> None:
                change(folder)
                if key == "auto_map":
                    put(folder / "evil.py", EVIL)

            found.append(
                case(
                    f"config.json with {words}",
                    damage,
                    (*ARGS, *["output=json"] * odd),
                    may=May.finish if odd else May.refuse,
                    named=(*NAMED, "passage"),
                    listing=key == "max_position_embeddings",
                )
            )
    for key in ("model_type", "vocab_size", "hidden_size"):
        change = edited("config.json", lambda c, key=key: {k: v for k, v in c.items() if k != key})
        found.append(case(f"config.json without {key}", change))
    for name in (
        "is null",
        "is an empty list",
        "is a text",
        "is a number",
        "is NaN",
        "has single quotes",
    ):
        text = json_texts({"eos_token_id": 1})[name]
        args = (*ARGS, *STORIES)
        found.append(
            case(f"generation_config.json {name}", replaced("generation_config.json", text), args)
        )
    others = ("is a folder", "is a pipe", "is a link to nothing", "is a link to itself")
    devices = ("is a link to /dev/zero", "is 64 GB of zeros")
    return found + [kind_case("config.json", name) for name in (*others, *devices)]


class _Canary:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ('touch "$FUZZ_CANARY"',)


def others() -> list[Case]:
    """Shards, pickles, adapters, GGUF files, custom code, and folders of something else."""
    file = "model.safetensors"

    def instead(name: str, content: str | bytes) -> Change:
        def change(folder: Path) -> None:
            remove(folder / file)
            put(folder / name, content)

        return change

    def index(weight_map: Any) -> Change:
        return instead(f"{file}.index.json", json.dumps({"metadata": {}, "weight_map": weight_map}))

    adapter = {
        "peft_type": "LORA",
        "base_model_name_or_path": "org/base",
        "r": 4,
        "target_modules": ["q_proj"],
    }

    def with_adapter(folder: Path) -> None:
        put(folder / "adapter_config.json", json.dumps(adapter))
        put(folder / "adapter_model.safetensors", (folder / file).read_bytes())

    def only_adapter(folder: Path) -> None:
        with_adapter(folder)
        for name in ("config.json", file, "generation_config.json"):
            remove(folder / name)

    def only(*names: str) -> Change:
        def change(folder: Path) -> None:
            for path in folder.iterdir():
                if path.name not in names:
                    remove(path)

        return change

    def gguf(folder: Path) -> None:
        for name in ("config.json", file):
            remove(folder / name)
        put(folder / "model-Q4_K_M.gguf", b"GGUF\x03\x00\x00\x00" + bytes(64))

    def custom(folder: Path) -> None:
        put(folder / "evil.py", EVIL)
        code = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
        edited("config.json", lambda c: {**c, "model_type": "evil", "auto_map": code})(folder)

    def custom_tokenizer(folder: Path) -> None:
        put(folder / "evil.py", EVIL)
        code = {"AutoTokenizer": ["evil.Tokenizer", None]}
        changed = {"tokenizer_class": "EvilTokenizer", "auto_map": code}
        edited("tokenizer_config.json", lambda c: {**c, **changed})(folder)
        remove(folder / "tokenizer.json")

    changes: dict[str, Change] = {
        "a family of its own code": custom,
        "a tokenizer of its own code": custom_tokenizer,
        "a shard that is not there": index(
            {"model.embed_tokens.weight": "model-00001-of-00002.safetensors"}
        ),
        "a shard outside the folder": index(
            {"model.embed_tokens.weight": "../../../../etc/passwd"}
        ),
        "a shard index of a list": index(["a"]),
        "a shard index of numbers": index({"model.embed_tokens.weight": 5}),
        "a shard index that is no JSON": instead(f"{file}.index.json", "{"),
        "a shard index without a map": instead(f"{file}.index.json", "{}"),
        "a pickle that calls the system": instead("pytorch_model.bin", pickle.dumps(_Canary())),
        "a pickle of noise": instead("pytorch_model.bin", chance("bin").randbytes(4096)),
        "an empty pickle": instead("pytorch_model.bin", b""),
        "weights of another library": instead("tf_model.h5", b"\x89HDF\r\n\x1a\n" + bytes(64)),
        "an adapter beside the weights": with_adapter,
        "an adapter alone": only_adapter,
        "a GGUF file alone": gguf,
        "an empty folder": only(),
        "a config alone": only("config.json"),
        "a tokenizer alone": only("tokenizer.json", "tokenizer_config.json"),
        "a git folder": lambda folder: (only()(folder), put(folder / ".git" / "HEAD", "ref: x"))[1],
    }
    return [case(name, change) for name, change in changes.items()]


def ids() -> list[Case]:
    """What is no folder and no id; nothing is asked of any server."""
    values = {
        "nothing there": "./nothing",
        "a file": "./small.csv",
        "a folder of something else": "./conf",
        "an id of four parts": "a/b/c/d",
        "an id of three parts": "a/b/c",
        "two dots": "'..'",
        "two dots in an id": "'org/..'",
        "a slash": "/",
        "a slash behind": "'org/'",
        "spaces": "'  '",
        "a space in an id": "'my org/my model'",
        "a web address": "'https://example.org/org/model'",
        "an id with a password": "'https://user:hunter2@example.org/org/model'",
        "a user that is not there": "'~nobody_here/model'",
        "an id that is not on this machine": "nobody-at-all/nothing-here",
        "a name that is not on this machine": "nothing-here-at-all",
        "letters no id has": "'org/modèle'",
        "400 letters": "org/" + "m" * 400,
        "a device": "/dev/zero",
        "a process": "/proc/self",
    }
    found = [
        Case(f"the id is {n}", (*SMALL[1:], "model=hub", f"model.id={v}"), ("model.id",))
        for n, v in values.items()
    ]
    revision = (*ARGS, "model.revision=step1000")
    found.append(Case("a revision of a folder", revision, ("model.revision",)))
    source = (*ARGS, "model.source=gemma3_package")
    found.append(Case("a package that is not installed", source, ("gemma3", "model")))
    return found
