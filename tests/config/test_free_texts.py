"""text=...: any characters, and nothing of them is grammar."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emo.config.resolve import compose
from emo.config.text_overrides import free_text
from emo.errors import ConfigError


@pytest.mark.slow
@settings(max_examples=10)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30))
@example('I can\'t believe it, really: {no} (yes) [a] = $5 ${oc.env:HOME} \\ "q"')
@example('"Stop," she said. "Now."')
@example("ends with \\\\")
@example("123")
@example("true")
def test_a_text_arrives_as_it_was_typed(text):
    quotes = text[0] in "'\"" and text[-1] == text[0] and text[0] not in text[1:-1]
    if not text.strip() or text in ("null", "???") or quotes or "\\${" in text:
        return
    assert compose("model=tiny", "job=read", f"text={text}").job.read.text == text


@pytest.mark.parametrize("name", ["text", "job.read.text", "+job.read.text"])
def test_every_name_of_it_takes_any_text(name):
    assert compose("model=tiny", "job=read", f"{name}=a, b: c").job.read.text == "a, b: c"


def test_a_text_in_quotes_of_its_own_is_what_is_in_them():
    assert compose("model=tiny", "job=read", "text='a, b'").job.read.text == "a, b"
    assert free_text("seed=[1]") == "seed=[1]"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["text=hi"], "job.read.text=hi: allowed is null with job=extract"),
        (["job=read"], "job.read.text=null: allowed is one of text='...' and job.read.path=FILE"),
        (["job=read", "text=a", "job.read.path=b.txt"], "job.read.text=a: allowed is one of"),
        (["job=read", "text="], "job.read.text=: allowed is a text that is not empty"),
        (["job=read", "text=a", "job.read.measure=dot"], "allowed is cosine, projection"),
    ],
)
def test_what_cannot_be_meant_is_refused(words, message):
    with pytest.raises(ConfigError) as caught:
        compose("model=tiny", *words)
    assert message in str(caught.value)
