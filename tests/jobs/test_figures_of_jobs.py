"""A figure that cannot be drawn costs a line in the log, whichever job draws it."""

import logging
from pathlib import Path

import pytest
from matplotlib.artist import Artist
from matplotlib.image import imread

from emo.cli import run_job
from emo.report.style import blank
from emo.runs.drawing import write_figures


class Broken(Artist):
    """Fails only when it is drawn."""

    def draw(self, renderer):
        raise ZeroDivisionError("no $room$ left")


@pytest.fixture(autouse=True)
def pictures_once():
    """Here every picture is made."""


def broken_late():
    figure = blank(2, 2)
    figure.add_artist(Broken())
    return figure


def broken_at_once():
    raise ValueError("\nbroken at once")


def test_the_other_figures_are_written_and_the_place_is_not_empty(tmp_path, caplog):
    figures = {"a": broken_at_once, "b": broken_late, "c": lambda: blank(2, 1)}
    write_figures(tmp_path, figures)
    files = {f"{name}.{suffix}" for name in "abc" for suffix in ("png", "svg", "pdf")}
    assert {p.name for p in (tmp_path / "figures").iterdir()} == files
    assert imread(tmp_path / "figures" / "a.png").shape[:2] == (300, 1200)
    words = [r.getMessage() for r in caplog.records]
    assert words == [
        "figure a could not be drawn, the run goes on without it: ValueError: broken at once",
        "figure b could not be drawn, the run goes on without it: ZeroDivisionError: no $room$ left",
    ]


def test_a_full_disk_is_not_a_figure_that_cannot_be_drawn(tmp_path):
    (tmp_path / "figures").write_text("a file where the folder should be")
    with pytest.raises(OSError):
        write_figures(tmp_path, {"a": lambda: blank(2, 1)})


def test_characters_without_a_glyph_are_said_once(tmp_path, caplog):
    def figure():
        made = blank(2, 1)
        made.suptitle("\ue123 \ue124")
        return made

    with caplog.at_level(logging.INFO):
        write_figures(tmp_path, {"a": figure, "b": figure})
    (line,) = [r.getMessage() for r in caplog.records]
    assert line.startswith(
        "no font here has the characters \ue123 \ue124: figures spell them, <U+E123>"
    )


@pytest.mark.parametrize("late", [False, True])
def test_an_extraction_goes_on_without_its_figures(tiny_config, monkeypatch, caplog, late):
    from emo.report.runs import extract_figures as figures

    for name in ("rdm_heatmap", "layer_curves", "emotion_map"):
        draw = broken_late if late else broken_at_once
        monkeypatch.setattr(figures, name, lambda *_, draw=draw: draw())
    outcome = run_job(tiny_config())
    assert outcome.status == "finished"
    lines = [r.getMessage() for r in caplog.records if "could not be drawn" in r.getMessage()]
    assert [line.split()[1] for line in lines] == ["rdm", "layers", "map"]
    for path in outcome.artifacts.values():
        assert Path(path.removeprefix("file://")).stat().st_size


@pytest.mark.slow
def test_a_summary_goes_on_without_its_figures(tiny_config, monkeypatch, caplog):
    from emo.report.summary import drawings, model_figures

    assert run_job(tiny_config()).status == "finished"
    monkeypatch.setattr(drawings, "layer_sweep", lambda *_: (broken_late(), None))
    monkeypatch.setattr(model_figures, "_curves", lambda *_: broken_at_once())
    outcome = run_job(tiny_config("job=summarize"))
    assert outcome.status == "finished"
    lines = [r.getMessage() for r in caplog.records if "could not be drawn" in r.getMessage()]
    curves, sweep = (line.split()[1] for line in lines)
    assert curves.startswith("layers_tiny") and sweep == "fig2_layers"
    page = Path(outcome.artifacts["summary.html"].removeprefix("file://")).read_text()
    assert "Could not be drawn: ValueError: broken at once." in page
