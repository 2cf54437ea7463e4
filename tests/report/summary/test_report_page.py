"""The page of the report: its head, its tables, its links, and nothing that is fetched."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from emo.report.glossary import FILE, glossary, meaning
from emo.report.summary.page import RunLink, render
from emo.report.summary.sections import CONTENTS, Plan, sections
from emo.report.table import ACROSS, Interval, Table
from tests.report.summary.test_sections import empty  # noqa: F401

RUN = "0123456789abcdef0123456789abcdef"
EVIL = "</script><script>alert(1)</script>&<b>"
WIDE = Table(
    "wide",
    "A wide table",
    "Its caption.",
    ("model a", "model b", *(f"n{i}" for i in range(20))),
    tuple((f"m{k}", EVIL, *(100 * k + i for i in range(20))) for k in range(3)),
    key=("model a", "model b", "n3", "n19"),
    names=2,
)


class Tables(HTMLParser):
    """Every table of a page: its head, and its rows as texts."""

    def __init__(self):
        super().__init__()
        self.tables, self.scopes, self.text = [], [], None

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.text = ""
            self.scopes.append(dict(attrs).get("scope"))

    def handle_data(self, data):
        if self.text is not None:
            self.text += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self.text.strip())
            self.text = None


def page_of(summary, *tables, links=()):
    plan = Plan("own", "Own", tables=(lambda _s: list(tables),))
    return render(summary, sections(summary, (plan,)), "c0ffee", links)


def tables_on(page):
    parser = Tables()
    parser.feed(page)
    return parser.tables


def test_no_table_has_more_columns_than_a_page_holds_and_none_is_lost(empty):  # noqa: F811
    found = tables_on(page_of(empty, WIDE))
    assert all(len(row) <= ACROSS for table in found for row in table)
    first, *others = found
    assert first[0] == ["model a", "model b", "n3", "n19"]
    assert first[2] == ["m1", EVIL, "103", "119"]
    assert all(table[0][:2] == ["model a", "model b"] for table in others)
    shown = first[0] + [head for table in others for head in table[0][2:]]
    assert sorted(shown) == sorted(WIDE.columns)


def test_a_table_of_one_row_stands_on_its_side(empty):  # noqa: F811
    found = tables_on(page_of(empty, replace(WIDE, rows=WIDE.rows[1:2])))
    rows = {row[0]: row[1] for table in found for row in table}
    assert rows == dict(zip(WIDE.columns, map(str, WIDE.rows[1]), strict=True))


def test_every_row_has_a_heading(empty):  # noqa: F811
    parser = Tables()
    parser.feed(page_of(empty, WIDE))
    assert parser.scopes.count("row") == sum(len(table) - 1 for table in parser.tables)


def test_what_users_write_is_text_wherever_it_stands(empty):  # noqa: F811
    evil = Table(
        "evil", EVIL, EVIL, (EVIL, "run"), ((EVIL, EVIL), (Interval(1.0), None)), key=(EVIL,)
    )
    page = page_of(empty, evil, links=[RunLink(RUN, f'x"{EVIL}', f"y'{EVIL}")])
    assert "<script>alert" not in page
    assert page.count("<script>") == 1  # what all pages share
    assert html.escape(EVIL, quote=False) in page


def test_keys_that_are_no_columns_or_too_many_are_refused():
    with pytest.raises(ValueError, match=r"table wide: key=\('n99',\): allowed are at most 7"):
        replace(WIDE, key=("n99",))
    with pytest.raises(ValueError, match="at most 7 of its columns"):
        replace(WIDE, key=WIDE.columns[:8])


def test_the_head_says_what_the_report_is_about_and_nothing_is_fetched(empty):  # noqa: F811
    page = render(empty, sections(empty, CONTENTS), "c0ffee")
    (title,) = re.findall(r"<title>(.*?)</title>", page)
    assert re.fullmatch(
        r"Emotion geometry: no model \(504 passages of 21 emotions, 0 runs, made \d{4}-\d\d-\d\d\)",
        title,
    )
    assert "default-src 'none'" in page
    assert not re.search(r"<link|@import|url\(|\ssrc=\"(?!data:)", page)
    for part in ("<main>", '<nav aria-label="Contents">', "prefers-color-scheme: dark", "@page"):
        assert part in page


def test_ids_lead_to_mlflow_and_to_the_page_of_the_run(empty):  # noqa: F811
    table = Table("t", "T", "", ("run", "model"), ((RUN[:8], "m"), (RUN, "n"), ("f" * 8, "o")))
    link = RunLink(RUN, "http://h/#/experiments/1/runs/x", f"../../{RUN}/artifacts/run.html")
    page = page_of(empty, table, links=[link])
    assert page.count(f'href="{link.mlflow}"') == page.count(f'href="{link.page}"') == 2
    assert f"<code>{'f' * 8}</code>" in page or f">{'f' * 8}<" in page


def test_words_are_explained_where_they_stand_and_in_full(empty):  # noqa: F811
    table = Table("t", "T", "", ("model", "ceiling", "rho, disjoint"), (("m", 0.5, 0.1),))
    page = page_of(empty, table)
    assert f'data-tip="{html.escape(meaning("ceiling"))}"' in page
    assert html.escape(glossary()["RDM"], quote=False).replace("'", "&#39;") in page
    assert "[" not in "".join(glossary().values()).replace("[S ", "").replace("resid_post[l]", "")


def test_the_glossary_is_that_of_the_documentation():
    assert FILE.resolve().name == "glossary.md"
    assert FILE.resolve().parent.name == "docs"
    assert len(glossary()) == FILE.read_text().count("\n| ") - 1
