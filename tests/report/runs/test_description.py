"""What MLflow's page says of a run: the answer first, a picture, few numbers, no markup of users."""

from hypothesis import given
from hypothesis import strategies as st

from emo.report.runs.description import LONGEST, PointRow, described, sweep_described
from emo.runs.ids import EXPERIMENT, RUN, with_ids

ID = "0" * 32


def test_the_answer_is_first_then_the_picture_then_numbers_then_the_text():
    made = described("Two halves agree.", "a\nb", {"rho": 0.51234, "what": "x"}, "rdm", "run.html")
    answer, page, picture, numbers, text = made.split("\n\n")
    assert answer == "**Two halves agree.**"
    assert (
        page == f"[The page of this run](#/experiments/{EXPERIMENT}/runs/{RUN}/artifacts/run.html)"
    )
    assert picture == f"![rdm](get-artifact?path=figures/rdm.png&run_uuid={RUN})"
    assert numbers.splitlines()[2:] == ["| rho | 0.5123 |", "| what | x |"]
    assert text == "```\na\nb\n```"


def test_without_an_answer_the_first_line_of_the_text_stands_for_it():
    assert described("", "tiny, fp32\nmore", {}).startswith(
        "**tiny, fp32**\n\n```\ntiny, fp32\nmore"
    )


def test_numbers_that_are_none_or_no_numbers_are_left_out():
    made = described("a", "b", {"none": None, "flag": True, "nan": float("nan"), "list": [1]})
    assert [line for line in made.splitlines() if line.startswith("|")][2:] == ["| nan | nan |"]


@given(st.text(max_size=9000), st.text(max_size=3000))
def test_whatever_a_user_wrote_the_whole_is_kept_and_every_block_is_closed(answer, text):
    """The ids are as long as they will be when it is sent."""
    made = with_ids(described(answer[:600], text, {"rho": 1}, "rdm", "run.html"), ID, "12")
    assert len(made) <= LONGEST
    fence = made.rstrip().rpartition("\n")[2]
    assert set(fence) == {"`"} and len(fence) >= 3 and made.count(f"\n{fence}") >= 2


def test_long_lines_of_the_terminal_are_broken_below_their_beginning():
    made = described("a", f"title\n  accuracy  {'0.06 ' * 40}", {})
    lines = made.splitlines()[3:-1]
    assert max(map(len, lines)) <= 100 and len(lines) == 4
    assert lines[1].startswith("  accuracy  0.06") and lines[2].startswith("      ")


def test_the_markup_of_a_model_name_is_plain_text():
    made = described("<img src=x> [a](b) **c** |d|", "t", {})
    assert made.startswith(r"**\<img src=x\> \[a\](b) \*\*c\*\* \|d\|**")


def test_each_point_of_a_sweep_has_its_run_reused_ones_too():
    points = [
        PointRow("precision=fp32", "reused", "a" * 32, None, {"best_layer": 7, "accuracy": 0.131}),
        PointRow("precision=int8", "failed", None, "no | memory", {}),
        PointRow("precision=bf16", "finished", "b" * 32, None, {"best_layer": 6, "accuracy": 0.2}),
    ]
    made = with_ids(sweep_described("sweep precision", "text", points), ID, "3")
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert rows[0] == "| point | status | run | best layer | accuracy |"
    link = f"[aaaaaaaa](#/experiments/3/runs/{'a' * 32})"
    assert rows[2] == f"| precision=fp32 | reused | {link} | 7 | 0.131 |"
    assert rows[3] == r"| precision=int8 | failed: no \| memory |  |  |  |"


def test_a_sweep_of_hundreds_of_points_is_cut_and_says_so():
    points = [PointRow(f"seed={i}", "finished", f"{i:032d}", None, {"rho": i}) for i in range(300)]
    made = with_ids(sweep_described("s", "t\n" * 500, points), ID, "3")
    assert len(made) <= LONGEST and "more in sweep.csv" in made
