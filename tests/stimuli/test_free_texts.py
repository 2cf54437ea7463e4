"""Texts without labels: what counts as one, and what a file of them may hold."""

import json

import pytest

from emo.errors import StimuliError
from emo.stimuli.free_texts import digest_of, load_texts, texts_of

CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def test_one_text_one_chat_or_a_list_of_both():
    (one,) = texts_of("Hi")
    assert (one.name, one.text, one.chat) == ("text 1", "Hi", False)
    (chat,) = texts_of(CHAT)
    assert chat.messages == (("user", "Hi"), ("assistant", "Hello")) and chat.chat
    assert [t.chat for t in texts_of(["a", CHAT])] == [False, True]


@pytest.mark.parametrize("given", [[], "", "  ", 3, None, [3], [[]], [{"role": "user"}], b"a", {}])
def test_what_is_no_text_is_refused_in_words(given):
    with pytest.raises(ValueError, match="text"):
        texts_of(given)


def test_a_text_file_has_a_text_a_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone, \u2028two\r\n\n  \nthree\n".encode())
    texts = load_texts(path, "job.read.path")
    assert [(t.name, t.text) for t in texts] == [("line 1", "one, \u2028two"), ("line 4", "three")]


def test_a_jsonl_file_has_texts_and_chats(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = ["a", {"text": "b", "id": 3}, CHAT, {"messages": CHAT}]
    path.write_text("\n".join(map(json.dumps, lines)))
    texts = load_texts(path, "job.read.path")
    assert [t.text for t in texts] == ["a", "b", "", ""]
    assert texts[2].messages == texts[3].messages == (("user", "Hi"), ("assistant", "Hello"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"x", "allowed is a file .txt or .jsonl"),
        ("a.txt", b"", "there is no text in it"),
        ("a.txt", b"\xff", "it is not UTF-8"),
        ("a.jsonl", b"{", "line 1: it is no JSON"),
        ("a.jsonl", b'{"prompt": "x"}', 'line 1: it has neither "text" nor "messages"'),
        ("a.jsonl", b'[{"role": "user"}]', "line 1: it is neither a text nor a list of messages"),
        ("a.jsonl", b'"\\ud800"', "line 1: it holds a half of a character"),
        ("a.jsonl", b"[" * 100_000, "line 1:"),
    ],
)
def test_a_file_of_something_else_is_refused_with_its_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(StimuliError) as caught:
        load_texts(path, "job.read.path")
    assert str(caught.value).startswith(f"job.read.path={path}:")
    assert message in str(caught.value)


def test_the_digest_is_of_the_contents():
    assert digest_of(texts_of(["a", "b"])) == digest_of(texts_of(("a", "b")))
    assert len({digest_of(texts_of(x)) for x in ("a", ["a", "a"], ["aa"], CHAT, CHAT[:1])}) == 5
