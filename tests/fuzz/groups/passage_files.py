"""Contents of passage files: tables, encodings, formats of other programs."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
import zipfile

from hypothesis import strategies as st

from tests.fuzz.drawing import drawn
from tests.fuzz.place import passages

HEADER = ["emotion", "passage_id", "text", "situation"]


def written(rows: list[list[str]], delimiter: str = ",", header: list[str] | None = None) -> str:
    """A table as the csv module writes it."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerows([HEADER if header is None else header, *rows])
    return out.getvalue()


def tables() -> dict[str, str]:
    """Files without a table, or with one of other columns or too few emotions."""
    good = passages()
    short = [row[:3] for row in good]
    return {
        "nothing": "",
        "a byte order mark only": "\ufeff",
        "blank lines only": "\n\n  \n\t\n",
        "comments only": "# emotion,passage_id,text\n# sad,1,She wept.\n",
        "a header only": ",".join(HEADER) + "\n",
        "a header and comments": ",".join(HEADER) + "\n# sad,1,She wept.,quay\n\n",
        "a header and empty rows": ",".join(HEADER) + "\n,,,\n,,,\n",
        "one emotion": written([r for r in good if r[0] == "calm"]),
        "two emotions": written([r for r in good if r[0] != "calm"]),
        "one row": written(good[:1]),
        "no column text": written([r[:2] for r in good], header=["emotion", "passage_id"]),
        "no column emotion": written([r[1:] for r in good], header=HEADER[1:]),
        "text called story": written(good, header=["emotion", "passage_id", "story", "situation"]),
        "text called text2": written(good, header=["emotion", "passage_id", "text2", "situation"]),
        "emotion twice in the header": written(
            good, header=["emotion", "passage_id", "text", "emotion"]
        ),
        "text twice in the header": written(good, header=["emotion", "text", "passage_id", "text"]),
        "passage_id twice in the header": written(
            good, header=["emotion", "passage_id", "text", "PASSAGE_ID"]
        ),
        "situation twice in the header": written(
            [[*r, r[3]] for r in good], header=[*HEADER, " situation "]
        ),
        "a header without a name": written(good, header=["", "passage_id", "text", "situation"]),
        "one column": "\n".join(["text", *(r[2].replace(",", "") for r in good)]),
        "two columns without a header": written(
            [[r[0], r[2]] for r in good][1:], header=[good[0][0], good[0][2]]
        ),
        "seven columns without a header": "\n".join(
            ",".join([*r[:2], "words", *"wxyz"]) for r in good
        ),
        "all texts the same": written([[e, i, "The door stood open.", s] for e, i, _, s in good]),
        "situations of one emotion only": written(
            [[*r[:3], r[3] if r[0] == "calm" else ""] for r in good]
        ),
        "the header again in the middle": written([*good[:6], HEADER, HEADER, *good[6:]]),
        "a table and then its totals": written(short, header=HEADER[:3]) + "total,12\n",
        "a text of 300000 characters": written(
            [*good[:-1], [*good[-1][:2], "word " * 60_000, good[-1][3]]]
        ),
        "a text longer than the model reads": written(
            [*good[:-1], [*good[-1][:2], "a stone " * 900, good[-1][3]]]
        ),
        "300 rows cut short": written(good) + "calm,x\n" * 300,
        "every row of one field": "emotion,passage_id,text,situation\n" + "calm\n" * 5000,
        "a quote that never ends": ",".join(HEADER) + '\n"' + "calm,1,word,quay\n" * 20_000,
    }


def rows() -> dict[str, str]:
    """A good table in which something happened to one row."""
    good = passages()

    def changed(row: int, value: list[str]) -> str:
        return written([*good[:row], value, *good[row + 1 :]])

    def raw(row: int, line: str) -> str:
        lines = written(good).splitlines(keepends=True)
        lines[row + 1] = line + "\n"
        return "".join(lines)

    found: dict[str, str] = {}
    for row in drawn(st.integers(0, len(good) - 1), 2, "rows"):
        e, i, t, s = good[row]
        found |= {
            f"row {row} lacks a field": changed(row, [e, i, t]),
            f"row {row} has a field too many": changed(row, [e, i, t, s, "?"]),
            f"row {row} has its comma unquoted": raw(row, f"{e},{i},She came, saw, and left,{s}"),
            f"row {row} has no emotion": changed(row, ["", i, t, s]),
            f"row {row} has no id": changed(row, [e, " ", t, s]),
            f"row {row} has no text": changed(row, [e, i, "\t ", s]),
            f"row {row} has no situation": changed(row, [e, i, t, ""]),
            f"row {row} is there twice": written([*good, good[row]]),
            f"row {row} has the id of another": changed(
                row, [e, next(r[1] for r in good if r[0] == e and r[1] != i), t, s]
            ),
            f"row {row} has an open quote": raw(row, f'{e},{i},"She came,{s}'),
            f"row {row} has words behind a quote": raw(row, f'{e},{i},"She came" and went,{s}'),
            f"row {row} has a quote in a quote": raw(row, f'{e},{i},"She said "no" twice",{s}'),
            f"row {row} has a NUL in its text": changed(row, [e, i, t[:5] + "\0" + t[5:], s]),
            f"row {row} has a NUL for an emotion": changed(row, ["\0", i, t, s]),
            f"row {row} has invisible characters for a text": changed(
                row, [e, i, "\u200b\u2060\ufeff", s]
            ),
            f"row {row} has invisible characters for an emotion": changed(row, ["\u200b", i, t, s]),
            f"row {row} has no-break spaces for a text": changed(row, [e, i, "\u00a0\u2003", s]),
            f"row {row} has spaces for separators": raw(row, f"{e} {i} {t} {s}"),
        }
    return found


def bytes_of() -> dict[str, bytes]:
    """A good table in another encoding, or with bytes that are no text."""
    text = written(passages()).replace("stood", "stood — “still” —")
    plain = written(passages()).encode()
    return {
        "UTF-16 with a mark": text.encode("utf-16"),
        "UTF-16 without a mark": text.encode("utf-16-be"),
        "UTF-32": text.encode("utf-32"),
        "Windows-1252": text.encode("cp1252"),
        "Mac Roman": text.encode("mac_roman"),
        "Shift-JIS": text.replace("—", "、")
        .replace("“", "「")
        .replace("”", "」")
        .encode("shift_jis"),
        "EBCDIC": plain.decode().encode("cp500"),
        "a surrogate as UTF-8": plain.replace(b"quay", b"qu\xed\xa0\x80y", 1),
        "an overlong slash": plain.replace(b"quay", b"qu\xc0\xafy", 1),
        "half a character at the end": plain + "é".encode()[:1],
        "two marks": b"\xef\xbb\xbf\xef\xbb\xbf" + plain,
        "zeros behind": plain + bytes(4096),
        "zeros in front": bytes(512) + plain,
        "end-of-file of DOS in the middle": plain.replace(b"\n", b"\x1a\n", 4)[:700] + b"\x00",
    }


def lines_of_json() -> dict[str, str]:
    """JSON, a line each, as ``texts.csv`` and as ``texts.jsonl``; all are wrong somewhere."""
    good = [dict(zip(HEADER, row, strict=True)) for row in passages()]

    def lines(*more: str, rows: list[dict[str, str]] = good) -> str:
        return "\n".join([*(json.dumps(row) for row in rows), *more]) + "\n"

    return {
        "JSON lines with one cut": lines('{"emotion": "calm", "passage_id": '),
        "JSON lines with a list": lines("[1, 2]"),
        "JSON lines with a number": lines("17"),
        "JSON lines without a text": lines(
            '{"emotion": "calm", "passage_id": "x", "situation": "q"}'
        ),
        "JSON lines with a text of null": lines(
            '{"emotion": "calm", "passage_id": "x", "text": null, "situation": "q"}'
        ),
        "JSON lines with a text of a list": lines(
            '{"emotion": "calm", "passage_id": "x", "text": ["a"], "situation": "q"}'
        ),
        "JSON lines with an emotion of a number": lines(
            '{"emotion": {"a": 1}, "passage_id": "x", "text": "a", "situation": "q"}'
        ),
        "JSON lines with two on a line": lines().replace("}\n{", "}{", 1),
        "JSON lines of two emotions": lines(rows=[r for r in good if r["emotion"] != "calm"]),
        "JSON lines of deep brackets": lines("[" * 50_000),
        "JSON lines that are NaN": "NaN\n" * 4,
        "JSON as one list": json.dumps(good, indent=1),
        "JSON as an object of lists": json.dumps({n: [r[n] for r in good] for n in HEADER}),
        "JSON of one text": json.dumps("emotion,passage_id,text"),
    }


def formats() -> dict[str, str | bytes]:
    """Files of other programs under the name of a table."""
    text = written(passages())
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", "<worksheet/>")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("texts.csv", text)
    database = sqlite3.connect(":memory:")
    database.execute("create table passages (emotion text)")
    ragged = written(passages(), delimiter="\t") + "calm\tx\n"
    return {
        "an Excel file": book.getvalue(),
        "an old Excel file": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
        "a zip file": packed.getvalue(),
        "a gzip file": gzip.compress(text.encode(), mtime=0),
        "a parquet file": b"PAR1" + bytes(64) + b"PAR1",
        "a database": database.serialize(),
        "a pickle": b"\x80\x04\x95\x11"
        + bytes(7)
        + b"\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n",
        "a picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        "a web page": "<!DOCTYPE html>\n<html><body>Not Found</body></html>\n",
        "XML": "<?xml version='1.0'?>\n<passages><passage emotion='sad'>x</passage></passages>\n",
        "Rich Text": "{\\rtf1\\ansi emotion,passage_id,text\\par}\n",
        "Markdown": "| emotion | passage_id | text |\n|---|---|---|\n| sad | 1 | She wept. |\n",
        "LaTeX": "emotion & passage\\_id & text \\\\\nsad & 1 & She wept. \\\\\n",
        "YAML": "- {emotion: sad, passage_id: 1, text: She wept.}\n",
        "Python": "rows = [('sad', 1, 'She wept.')]\n",
        "tabs, one row cut": ragged,
        "semicolons, one row cut": written(passages(), delimiter=";") + "calm;x\n",
        "tabs and commas mixed": written(passages()).replace("\n", "\n\t", 4).replace(",", "\t", 9),
        "a first line sep= that is not so": "sep=;\n" + written(passages()),
        "a diff": "--- a/texts.csv\n+++ b/texts.csv\n@@ -1 +1 @@\n-emotion,passage_id,text\n",
        "merge marks": text.replace("\n", "\n<<<<<<< HEAD\n", 3),
    }


def odd_tables() -> dict[str, str]:
    """Labels and texts that are strange and are not wrong."""
    good = passages()

    def with_label(label: str) -> str:
        return written([[label if e == "calm" else e, i, t, s] for e, i, t, s in good])

    labels = {
        "mathematics": r"$\frac{$",
        "half of mathematics": "a$_$b",
        "a path": "../../../outside",
        "an absolute path": "/tmp/outside",
        "a formula": "=cmd|' /C calc'!A0",
        "markup": "<img src=x onerror=alert(1)>",
        "the end of a script": "</script><script>alert(1)</script>",
        "a template": "{{ 7 * 7 }}{% for x in y %}",
        "braces": "{emotion}",
        "a comma and a quote": 'calm, "very"',
        "a line break": "calm\ndown",
        "an escape": "\x1b[31mcalm",
        "other direction": "\u202emlac",
        "other letters": "平静 спокойный هادئ",
        "a symbol beyond 16 bits": "\U0001f600",
        "400 characters": "calm" * 100,
        "LaTeX": r"\input{/etc/passwd} & \\ % $",
        "only a dot": ".",
        "a keyword": "neutral",
        "a number": "nan",
    }
    found = {f"emotion called {name}": with_label(label) for name, label in labels.items()}
    texts = {
        "texts with line breaks of all kinds": "one\u2028two\u0085three\x0bfour\x0cfive\rsix",
        "texts with special tokens": "<s> She stood </s> there <pad>",
        "texts of one letter": "a",
        "texts with lines that look like comments": "first\n# second\n\nfourth",
    }
    for name, text in texts.items():
        found[name] = written([[e, i, f"{text} {i}", s] for e, i, _, s in good])
    return found
