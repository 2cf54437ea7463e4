"""Values that must not be read by others: masked, or in the environment."""

import os

import pytest
from omegaconf import OmegaConf

from emo.redact import HIDDEN, holds_password, reference_to, without_password


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in [n for n in os.environ if n.startswith(HIDDEN)]:
        monkeypatch.delenv(name)
    yield
    for name in [n for n in os.environ if n.startswith(HIDDEN)]:
        del os.environ[name]


@pytest.mark.parametrize(
    "name", ["X-Amz-Signature", "sig_token", "api_key", "apikey", "client_pwd"]
)
def test_secrets_in_the_query_of_an_address_are_left_out(name):
    address = f"https://host/x?a=1&{name}=hunter2&b=2"
    assert without_password(address) == f"https://host/x?a=1&{name}=&b=2"
    assert holds_password(address)
    assert not holds_password(without_password(address))


@pytest.mark.parametrize(
    "text", ["subparams.max_new_tokens=3", "key=3", "a?b=c&d=e", "the key: x", "monkey=1&donkey=2"]
)
def test_other_words_stay(text):
    assert without_password(text) == text
    assert not holds_password(text)


def test_a_hidden_value_is_found_again_by_what_resolves_configs():
    value = "postgresql://me:hunter2@db/x"
    config = OmegaConf.create(
        {"uri": reference_to(value), "again": reference_to(value), "other": reference_to("b")}
    )
    assert "hunter2" not in OmegaConf.to_yaml(config)
    assert (config.uri, config.again, config.other) == (value, value, "b")
    assert len([n for n in os.environ if n.startswith(HIDDEN)]) == 2


def test_people_see_the_value_of_a_reference_without_its_password():
    reference = reference_to("postgresql://me:hunter2@db/x")
    assert (
        without_password(f"tracking.uri={reference} seed=1")
        == "tracking.uri=postgresql://me@db/x seed=1"
    )
    assert not holds_password(reference)
    escaped = reference.replace("{", "\\{").replace(":", "\\:").replace("}", "\\}")
    assert without_password(f"tracking.uri={escaped}") == "tracking.uri=postgresql://me@db/x"
    assert without_password(f"${{oc.env:{HIDDEN}99}}") == ""
