"""Which passages a run reads, and what is odd about them, is said at its start and logged."""

import json
import logging
from pathlib import Path

import pytest

from emo.cli import run_job
from emo.config.resolve import compose
from emo.errors import ConfigError, StimuliError
from emo.runs.plan import passages, say
from emo.tracking import Tracker
from tests.conftest import TINY

STORIES = "story,topic,label\n" + "".join(
    f'"It was {e}, the {t} there.",{t},{e}\n'
    for e in ("odd", "even", "prime")
    for t in ("quay", "field")
)


@pytest.fixture
def said(caplog):
    say.cache_clear()
    caplog.set_level(logging.INFO)

    def lines(level=None):
        records = [r for r in caplog.records if r.name == "emo.runs.plan"]
        return [r.getMessage() for r in records if level in (None, r.levelname)]

    return lines


@pytest.fixture
def config(tmp_path):
    def make(content, *overrides, name="my.csv"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return compose(*TINY, f"stimuli.path={name}", *overrides, root=tmp_path)

    return make


def test_the_bundled_passages_are_said_in_one_line(tmp_path, said):
    passages(compose(*TINY, root=tmp_path))
    (line,) = said()
    assert line.startswith(
        "passages: bundled set shown: 504 passages, 21 emotions, 24 situations; 20 neutral sentences; "
    )


def test_a_file_is_said_with_its_form_once_a_process(config, said, tmp_path):
    content = "emotion;passage_id;text\n" + "".join(f"{e};1;It was {e}.\n" for e in "abcd")
    for _ in range(3):
        passages(config(content))
    (line,) = said()
    path = tmp_path / "my.csv"
    assert line.startswith(f"passages: {path} (semicolon): 4 passages, 4 emotions, no situations; ")
    passages(config(content + "e;1;It was e.\n"))
    assert len(said()) == 2


def test_what_was_decided_is_said_and_what_may_be_wrong_is_a_warning(config, said, tmp_path):
    rows = "Joy,1,It rained.\njoy,1,It shone.\ncalm,1,It shone.\n"
    passages(config("# emotion,passage_id,text\n" + rows, name="told.csv"))
    passages(config(rows, name="guessed.csv"))
    told, guessed = (f"passages {tmp_path / name}: " for name in ("told.csv", "guessed.csv"))
    assert said("INFO")[1] == told + (
        "no header row; the comment in line 1 names the columns emotion, passage_id, text"
    )
    warnings = said("WARNING")
    assert [w.startswith(told) for w in warnings] == [True, True, False, False, False]
    assert warnings[2].startswith(
        guessed + "no header row; columns taken as emotion, passage_id, text"
    )
    for one, words in ((warnings[0], "'Joy' and 'joy'"), (warnings[1], "'joy'/'1' and 'calm'/'1'")):
        assert one.endswith(words)


def test_a_run_of_named_columns_logs_them_and_is_that_of_the_passages_alone(config, said):
    columns = "stimuli.columns={emotion: label, situation: topic, text: story}"
    outcome = run_job(config(STORIES, columns))
    assert outcome.error is None
    tracker = Tracker(config(STORIES, columns))
    params = tracker.client.get_run(outcome.run_id).data.params
    logged = json.loads(tracker.artifact(outcome.run_id, "config.json").read_text())
    expected = {
        "emotion": "label",
        "passage_id": "passage_id",
        "text": "story",
        "situation": "topic",
    }
    assert logged["stimuli"]["columns"] == expected
    assert {k: params[f"stimuli.columns.{k}"] for k in expected} == expected
    plain = STORIES.replace("story,topic,label", "text,situation,emotion")
    assert run_job(config(plain)).status == "reused"
    written = Path(tracker.artifact(outcome.run_id, "stimuli.csv"))
    assert run_job(config(written.read_text(), name="again.csv")).status == "reused"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "stimuli.columns={text: tale}",
            "no column emotion, tale; there are 'story', 'topic', 'label'",
        ),
        ("stimuli.columns={text: label, emotion: label}", "stimuli.columns.emotion=label: allowed"),
    ],
)
def test_columns_that_cannot_be_read_end_the_run_before_anything_is_written(
    config, override, message, tmp_path
):
    with pytest.raises((ConfigError, StimuliError)) as caught:
        passages(config(STORIES, override))
    outcome = run_job(config(STORIES, override))
    assert outcome.failed and message in outcome.error and "\n" not in outcome.error
    assert str(caught.value) == outcome.error
    assert [p.name for p in tmp_path.iterdir()] == ["my.csv"]


def test_passages_with_special_tokens_are_named_when_they_are_read(config, said):
    marked = STORIES.replace("the quay there", "the quay </s>", 1)
    columns = "stimuli.columns={emotion: label, text: story}"
    assert run_job(config(marked, columns)).error is None
    (warning,) = (w for w in said("WARNING") if "special tokens" in w)
    assert warning.startswith("1 text holds special tokens of this model")
    assert warning.endswith(": odd/1 (</s>)")


def test_labels_of_any_kind_are_drawn_logged_and_exported(config, tmp_path, said):
    labels = ["$x_$", "=1+1", "a/b", "a-b", "../../x", "\ue123", "```", "<b>", "Über", "'q'"]
    rows = "".join(f'"{e}",{k},It is {i} {k}.\n' for i, e in enumerate(labels) for k in "12")
    outcome = run_job(config("emotion,passage_id,text\n" + rows))
    assert outcome.error is None
    export = (f"job.export.run={outcome.run_id}", "job.export.format=gguf", "job.export.folder=out")
    exported = run_job(config("", "job=export", *export, name="empty.csv"))
    assert exported.error is None
    files = list((tmp_path / "out").iterdir())
    assert len(files) == len(exported.artifacts) == len(labels)
    for label in labels:
        assert f"  {label}: {tmp_path / 'out'}" in exported.table
    assert not (tmp_path.parent / "x").exists()
