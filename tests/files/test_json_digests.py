"""Digests that stores, runs and stimuli are named by stay what they were."""

import pytest

from emo.activations.store import ActivationStore
from emo.files.json_digests import DUMPS, Subject, content_digest, json_digest
from emo.generation.generating import Generation
from emo.generation.samples import Request, Sampling
from emo.runs.identity import fingerprint
from emo.stimuli.loading import load_stimuli
from emo.stimuli.prompts import load_prompts
from emo.stimuli.scenarios import load_scenarios

VALUE = {"b": ["é", 1, 0.5, None, True], "a": {"z": 1, "y": "x"}}
DIGESTS = {
    Subject.run: "77e7fa1e33dd3685b67ee77b0002b3314f246e39bb74f9e4bd66b36c388af810",
    Subject.settings: "65a3eaadccace545079f9a40c5d09808bb864afad2bd8096129a22f0c198c30d",
    Subject.reader: "3284e91d910e412eeddc96f775d460a3ab8f1b7b20b2d8ad9cc59fd4586a1924",
    Subject.content: "f320df253d9f17e136dbccc264cb7b0f76b02f98626897c9eeeb17e2286062ed",
}


def test_every_subject_has_its_own_json():
    assert set(DUMPS) == set(Subject) == set(DIGESTS)
    assert len(set(DIGESTS.values())) == len(Subject)


@pytest.mark.parametrize("subject", Subject)
def test_a_digest_stays_what_it_was(subject):
    assert json_digest(subject, VALUE) == DIGESTS[subject]


@pytest.mark.parametrize("lists", [[], [[]], [[], ["é"]], [[["a", None, '"'], ["b"]], ["x", "y"]]])
def test_a_digest_made_value_by_value_is_that_of_the_whole(lists):
    assert content_digest(lists) == json_digest(Subject.content, lists)


def test_fingerprints_of_runs_stay_what_they_were():
    assert fingerprint(VALUE) == DIGESTS[Subject.run]


def test_the_bundled_stimuli_keep_their_digests():
    digests = {
        "implied": "21c258e5e1fd48331a0d50997ec88df2",
        "named": "0f61eef8412504241dea66190e455e5f",
        "shown": "97b3e305fe81d8dbdc9626cc3e878685",
        "shown_de": "6e8ace0e4d7a4d28e25321885727d4e7",
    }
    for name, digest in digests.items():
        assert load_stimuli(name=name).sha256.startswith(digest)
    assert load_prompts().sha256.startswith("60d0eb53a2b377eceb14c89bab8b1ae0")
    assert load_scenarios().sha256.startswith("33c840660b395bee3fc5052f81e8a31d")


def test_the_folder_of_a_reader_keeps_its_name(tmp_path):
    store = ActivationStore(tmp_path, {"b": "é", "a": 1})
    assert store.folder.name == "72098b2a2208bcd8cda44c39"
    assert (store.folder / "reader.json").read_text(encoding="utf-8") == '{"a": 1, "b": "é"}'


def test_a_generated_text_keeps_its_key():
    generation = Generation(4, Sampling(0.7, 0.9), 1, 2, True)
    requests = [Request((1, 2)), Request((3,), 1)]
    assert generation.key(requests[1], requests).startswith("1838c78f8b6c13181729a284f5635d4c")
