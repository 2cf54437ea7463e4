"""Rows are the csv module's own, in whatever form the file has."""

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.errors import StimuliError
from emo.stimuli.labels import visible
from emo.stimuli.loading import read_passages

ODD = "\u2028\u2029\u0085\x0b\x0c\x1c\x1d\x1e\"'#,;\t\n\r =|{}[]\\ é\u200b\U0001f600"
TEXT = st.text(st.sampled_from(ODD) | st.characters(codec="utf-8", exclude_characters="\0"))
TOLD = TEXT.filter(visible)


def several(entries):
    """Lists in which not all are the same."""
    return st.lists(entries, min_size=3, max_size=5).filter(lambda x: len(set(x)) > 1)


def read(content, name="p.csv", columns=None):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content.encode("utf-8"))
        return read_passages(path, columns)


def problems(content, name="p.csv"):
    with pytest.raises(StimuliError) as caught:
        read(content, name)
    return caught.value.problems


def as_csv_reads(content, delimiter=","):
    return list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter))


@given(
    several(TOLD.map(str.strip)),
    st.sampled_from(",;\t"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_whatever_csv_writes_is_read_as_csv_reads_it(texts, delimiter, quoting, ending):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ending)
    writer.writerow(["emotion", "passage_id", "text"])
    writer.writerows([f"e{i}", "1", text] for i, text in enumerate(texts))
    expected = [row[2].strip() for row in as_csv_reads(out.getvalue(), delimiter)[1:]]
    assert [p.text for p in read(out.getvalue()).items] == expected == [t.strip() for t in texts]


@given(st.lists(st.sampled_from('ab "#,\n\r\u2028'), min_size=1, max_size=12).map("".join))
def test_unquoted_text_is_cut_where_csv_cuts_it_and_nowhere_else(text):
    content = f"emotion,passage_id,text\na,1,x{text}\nb,1,y\nc,1,z\n"
    rows = as_csv_reads(content)[1:]
    # What begins a record with '#', or holds nothing, is a comment or a blank line here.
    rows = [r for r in rows if any(f.strip() for f in r) and not r[0].lstrip().startswith("#")]
    try:
        passages = [[p.emotion, p.id, p.text] for p in read(content).items]
    except StimuliError:
        assert any(len(row) != 3 or not all(f.strip() for f in row) for row in rows) or len(
            {tuple(row[:2]) for row in rows}
        ) < len(rows)
    else:
        assert passages == [[f.strip() for f in row] for row in rows]


def test_a_lone_quote_does_not_turn_later_lines_into_comments():
    content = (
        'emotion,passage_id,text\nsad,1,The plank was 5" wide.\n'
        'calm,1,"first\n# second\n\nfourth"\nproud,1,Wind.\n'
    )
    items = read(content).items
    assert items[0].text == 'The plank was 5" wide.'
    assert items[1].text == "first\n# second\n\nfourth"


def test_lines_are_counted_as_an_editor_counts_them():
    content = "# a\u2028b\x0cc\r\nemotion,passage_id,text\r\n\r\nsad,1,\u0085x\x0by\rcalm,1\n"
    assert problems(content) == ["line 5: 2 fields where the first row has 3"]


def test_a_record_is_named_by_its_first_line():
    content = 'emotion,passage_id,text\nsad,1,"one\ntwo\nthree"\ncalm,1,"a\nb",c,d\n'
    (problem,) = problems(content)
    assert problem.startswith("line 5: 5 fields") and "comma in the text" in problem


def test_rows_of_nothing_but_separators_are_left_out():
    content = "emotion;passage_id;text;;\r\na;1;x;;\r\nb;1;y;;\r\nc;1;z;;\r\n;;;;\r\n ; ;;;\r\n"
    assert [p.text for p in read(content).items] == ["x", "y", "z"]


SEMICOLON = "Emotion;Passage_ID;Text\n" + "".join(f"{e};1;He, too, was {e}.\n" for e in "abc")


@pytest.mark.parametrize(
    ("content", "name", "form"),
    [
        (SEMICOLON, "x.csv", "semicolon"),
        (SEMICOLON.partition("\n")[2], "x.txt", "semicolon"),
        (SEMICOLON.replace(";", "\t"), "x.csv", "tab"),
        (SEMICOLON.replace(";", "\t"), "x.tsv", "tab"),
        ("sep=;\r\n" + SEMICOLON, "x.csv", "semicolon"),
        (SEMICOLON.replace(";", "|"), "x.txt", "bar"),
        (SEMICOLON.replace(";", "|").partition("\n")[2], "x.csv", "bar"),
        ("SEP=^\n" + SEMICOLON.replace(";", "^"), "x.csv", "'^'"),
        (SEMICOLON.replace(", too, was", "; too; was").replace(";1;", ",1,"), "x.csv", "comma"),
    ],
    ids=[
        "semicolons",
        "no header",
        "tabs",
        "tsv",
        "sep",
        "bars",
        "bars, no header",
        "sep of its own",
        "semicolons in texts",
    ],
)
def test_the_separator_is_found(content, name, form):
    if form == "comma":
        content = content.replace("Emotion;Passage_ID;Text", "emotion,passage_id,text")
    passages = read(content, name)
    assert passages.form == form
    assert [p.emotion for p in passages.items] == ["a", "b", "c"]
    assert "too" in passages.items[0].text and passages.items[0].text.endswith("was a.")


def test_a_sep_line_keeps_the_numbers_of_lines():
    assert problems("sep=,\nemotion,passage_id,text\na,1\n") == [
        "line 3: 2 fields where the first row has 3"
    ]


@given(several(TOLD.map(str.strip)), st.booleans())
def test_json_lines_are_read_as_json_reads_them(texts, crossed):
    rows = [
        {"emotion": f"e{i}", "passage_id": i, "rating": [i], "text": text}
        | ({"situation": f"s{i % 2}"} if crossed else {})
        for i, text in enumerate(texts)
    ]
    content = "# a comment\n\n" + "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    for name in ("p.jsonl", "p.txt"):
        items = read(content, name).items
        assert [(p.id, p.text) for p in items] == [
            (str(r["passage_id"]), r["text"].strip()) for r in rows
        ]
        assert [p.situation for p in items] == [r.get("situation") for r in rows]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nope", "line 2: not one JSON object a line"),
        ("[1, 2]", "line 2: [1, 2] is no JSON object"),
        (
            '{"emotion": "a", "text": "x", "Text": "y"}',
            "line 2: not one JSON object a line: 'text' st",
        ),
        ('{"emotion": "a", "passage_id": 1, "text": 3.5}', "line 2: text is 3.5, not a text"),
        ('{"emotion": "a", "passage_id": 1, "text": null}', "line 2: text is empty"),
        ('{"emotion": "a", "passage_id": true, "text": "x"}', "line 2: passage_id is True, not a"),
        ('{"emotion": "a", "passage_id": 1, "text": "x\\ud83d"}', "line 2: half a surrogate pair"),
        ('{"emotion": "a", "passage_id": 1, "text": "x\\u0000"}', "line 2: a NUL character"),
        ('{"a": ' * 100_000, "line 2: not JSON that can be read: too many brackets"),
        ('{"emotion": "a", "text": ' + "1" * 5000 + "}", "line 2: not one JSON object a line"),
    ],
)
def test_what_is_wrong_with_a_json_line_is_one_line(line, words):
    good = '{"emotion": "e%d", "passage_id": 1, "text": "x"}\n'
    content = (good % 0) + line + "\n" + "".join(good % i for i in range(1, 4))
    (problem,) = problems(content, "p.jsonl")
    assert problem.startswith(words) and "\n" not in problem and len(problem) < 200


@pytest.mark.parametrize("content", ['[{"emotion": "a"}]', "[\n {}]", '{\n "emotion": "a"\n}'])
def test_one_json_value_over_the_whole_file_is_named(content):
    (problem,) = problems(content, "p.json")
    assert "one object a line" in problem
