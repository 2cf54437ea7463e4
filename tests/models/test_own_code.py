"""Code of a model's repository: never run, never asked about."""

import io
import sys

import pytest

from emo.steering.judging import ClassifierJudge
from tests.models.folders import change, copied, load_folder, refusal, save

CODE = "from pathlib import Path\nPath({path!r}).write_text('ran')\nclass C: pass\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return save("llama", tmp_path_factory.mktemp("whole") / "m")


@pytest.fixture
def armed(whole, tmp_path, monkeypatch):
    """A copy with code that leaves a mark when it is run, and a user who would say yes."""
    folder = copied(whole, tmp_path / "m")
    mark = tmp_path / "mark"
    for name in ("own.py", "custom_generate/generate.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(CODE.format(path=str(mark)))
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 20))
    yield folder
    assert not mark.exists()
    assert sys.stdin.read() == "y\n" * 20  # nobody was asked


SAID = "needs Python code of the model's own repository, which is never run here"
AUTO = {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.C", "AutoModel": "own.C"}


def test_a_family_of_its_own_is_refused(armed, capsys):
    change(armed, model_type="own", auto_map=AUTO)
    assert refusal(armed).startswith(f"it {SAID}")
    assert capsys.readouterr().out == ""


def test_a_tokenizer_of_its_own_is_refused(armed):
    fields = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.C", None]}}
    change(armed, "tokenizer_config.json", **fields)
    assert refusal(armed).startswith(f"its tokenizer {SAID}")


def test_a_known_family_is_read_by_transformers_own_code(armed):
    change(armed, auto_map=AUTO)
    assert type(load_folder(armed).model).__module__.startswith("transformers.models.llama")


@pytest.mark.parametrize("model_type", ["no-such-family", None])
def test_an_unknown_family_is_named(armed, model_type):
    """Without a family transformers would guess one from the path."""
    change(armed, model_type=model_type)
    message = refusal(armed)
    assert "its config.json cannot be used: " in message
    assert (
        "'no-such-family' is unknown" in message if model_type else "names no model_type" in message
    )


def test_a_judge_with_code_is_refused(armed):
    from emo.errors import EmoError

    change(armed, model_type="own", auto_map=AUTO | {"AutoModelForSequenceClassification": "own.C"})
    with pytest.raises(EmoError, match=f"judge_model={armed}: .*{SAID}") as caught:
        ClassifierJudge(armed, "cpu")
    assert "\n" not in str(caught.value)


def test_a_judge_without_a_classifier_is_refused(whole):
    """Its head would be drawn at random."""
    from emo.errors import EmoError

    with pytest.raises(
        EmoError, match=r"judge_model=.* lacks score\.weight; such weights would be"
    ):
        ClassifierJudge(whole, "cpu")


@pytest.mark.slow
def test_kernels_are_not_fetched_from_the_hub():
    """In a process of its own: transformers looks at the environment when it is imported."""
    import subprocess

    code = (
        "import emo.models.weights; from transformers.integrations import hub_kernels as k; "
        "print(k._TRANSFORMERS_USE_HUB_KERNELS, k._kernels_enabled)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False"]


def test_a_second_tokenizer_of_mistral_models_is_not_asked_for(whole, monkeypatch):
    """Which of two they get would depend on the package mistral-common."""
    import transformers

    asked = {}
    plain = transformers.AutoTokenizer.from_pretrained
    monkeypatch.setattr(
        transformers.AutoTokenizer,
        "from_pretrained",
        lambda *args, **more: asked.update(more) or plain(*args, **more),
    )
    load_folder(whole)
    assert (asked["mistral_format"], asked["trust_remote_code"]) == (False, False)
