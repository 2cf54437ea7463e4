"""The sections of the report: which figures and tables stand in each, in the order of the page.

A function that makes figures or tables of a summary stands in one section of ``CONTENTS``. The page, its
contents and the files all come from the sections, so whatever stands in a section is in all of them.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

from emo.report.labels import in_words_of
from emo.report.summary import (
    baseline_tables,
    behaviour_tables,
    constant_vector,
    contrast_tables,
    cross_model_tables,
    figures,
    four_layer_tables,
    layer_tables,
    method_tables,
    model_figures,
    set_tables,
    specificity,
    steering,
    steering_judges,
    tables,
    text_share_tables,
    unprinted,
)
from emo.report.summary.parts import Drawn
from emo.report.table import Table
from emo.summary.assemble import Summary


@dataclass(frozen=True)
class Plan:
    """A heading, and the functions that make the figures and the tables under it."""

    anchor: str
    title: str
    figures: tuple[Callable[[Summary], Sequence[Drawn]], ...] = ()
    tables: tuple[Callable[[Summary], Sequence[Table]], ...] = ()
    sentences: tuple[Callable[[Summary], Sequence[str]], ...] = ()
    """What needs no table."""
    above: str = ""
    below: str = ""
    """Templates of what stands above the figures and below the tables; empty for nothing."""


@dataclass(frozen=True)
class Section:
    """A heading with the figures and tables under it."""

    anchor: str
    title: str
    figures: tuple[Drawn, ...]
    tables: tuple[Table, ...]
    sentences: tuple[str, ...] = ()
    above: str = ""
    below: str = ""
    """Templates of what stands above the figures and below the tables; empty for nothing."""


CONTENTS = (
    Plan("answer", "Answer", (model_figures.answer_figure,)),  # under the sentences of the answer
    Plan(
        "geometry",
        "Each model",
        (model_figures.model_figures,),
        (tables.descriptor_table,),
    ),
    Plan(
        "surviving",
        "What survives other passages",
        (figures.surviving,),
        (cross_model_tables.block_table,),
    ),
    Plan(
        "four-layers",
        "Four layers",
        (figures.four_layers,),
        (four_layer_tables.four_layer_tables,),
        above="conditions.html",
        below="four_layers.html",
    ),
    Plan(
        "models",
        "Every model with every other",
        (figures.rdm_of_rdms,),
        (cross_model_tables.pair_table, contrast_tables.influence_table),
    ),
    Plan(
        "sets",
        "Named, shown, implied",
        (set_tables.fading,),
        (
            set_tables.set_table,
            set_tables.set_agreement_table,
            set_tables.across_sets_table,
        ),
    ),
    Plan(
        "layers",
        "Layers",
        (layer_tables.layer_matrix,),
        (layer_tables.rule_table, layer_tables.layer_pair_table),
    ),
    Plan(
        "families",
        "Base and instruct, families",
        (figures.base_instruct,),
        (
            cross_model_tables.family_table,
            contrast_tables.contrast_table,
            contrast_tables.delta_table,
        ),
    ),
    Plan("specificity", "Emotions and situations", tables=(specificity.specificity_table,)),
    Plan(
        "size",
        "Depth and size",
        (figures.layer_sweep, figures.sizes),
        (cross_model_tables.size_table,),
    ),
    Plan(
        "surface",
        "What needs no model",
        tables=(
            baseline_tables.baseline_table,
            baseline_tables.beyond_table,
            baseline_tables.condition_baseline_table,
        ),
    ),
    Plan("text", "In the text alone", tables=(text_share_tables.text_share_table,)),
    Plan(
        "invariance",
        "What can change an RDM",
        tables=(
            constant_vector.constant_table,
            cross_model_tables.projection_table,
        ),
        sentences=(cross_model_tables.normalisation_sentence,),
    ),
    Plan(
        "methods",
        "Estimators and readouts",
        (method_tables.method_figures,),
        (
            method_tables.method_table,
            method_tables.method_model_table,
            method_tables.method_depth_table,
        ),
    ),
    Plan(
        "behaviour",
        "Behaviour",
        tables=(
            behaviour_tables.behaviour_table,
            behaviour_tables.behaviour_pair_table,
            behaviour_tables.behaviour_geometry_table,
            behaviour_tables.behaviour_published_table,
        ),
        sentences=(behaviour_tables.behaviour_sentences,),
    ),
    Plan(
        "steering",
        "Steering",
        (steering.steering_figures,),
        (steering.steering_tables, steering_judges.judge_tables),
    ),
    Plan("published", "Published figures", tables=(tables.claim_table, unprinted.unprinted_table)),
    Plan(
        "provenance",
        "Runs",
        tables=(tables.run_table, tables.left_out_table),
        below="provenance.html",
    ),
)
"""The report, section by section."""

MAKERS = (
    *(
        baseline_tables,
        behaviour_tables,
        constant_vector,
        contrast_tables,
        cross_model_tables,
        figures,
    ),
    *(four_layer_tables, layer_tables, method_tables, model_figures, set_tables, specificity),
    *(steering, steering_judges, tables, text_share_tables, unprinted),
)
"""Modules whose public functions make the figures and tables of the report."""


def refuse_unplaced(contents: Sequence[Plan], modules: Sequence[ModuleType] = MAKERS) -> None:
    """Refuse a function that makes figures or tables and stands in no section.

    Raises
    ------
    ValueError
        Naming every such function.
    """
    placed = {make for plan in contents for make in (*plan.figures, *plan.tables)}
    unplaced = [
        f"{module.__name__}.{name}"
        for module in modules
        for name, function in vars(module).items()
        if _makes_parts(function, module) and function not in placed
    ]
    if unplaced:
        raise ValueError(f"in no section of the report: {', '.join(unplaced)}")


def _makes_parts(function: object, module: ModuleType) -> bool:
    """Whether this is a public function of the module that returns figures or tables."""
    if not inspect.isfunction(function) or function.__module__ != module.__name__:
        return False
    returned = str(function.__annotations__.get("return"))
    return not function.__name__.startswith("_") and ("Table" in returned or "Drawn" in returned)


refuse_unplaced(CONTENTS)


def sections(s: Summary, contents: Sequence[Plan] = CONTENTS) -> list[Section]:
    """The sections that have a figure or a table.

    Raises
    ------
    ValueError
        If two figures or two tables would be written to the same file.
    """
    made = [_section(plan, s) for plan in contents]
    for kind in (all_figures(made), all_tables(made)):
        twice = [name for name, n in Counter(part.name for part in kind).items() if n > 1]
        if twice:
            raise ValueError(f"twice in the report: {', '.join(twice)}")
    return [section for section in made if section.figures or section.tables]


def _section(plan: Plan, s: Summary) -> Section:
    """The section of a plan, in the words of what the passages are labelled by."""
    label, models = s.config.stimuli.label, [m.name for m in s.models]
    figures = [figure for make in plan.figures for figure in make(s)]
    made = [table for make in plan.tables for table in make(s)]
    if plan.tables != (specificity.specificity_table,):  # which is about both labels
        figures = [figure.in_words_of(label, models) for figure in figures]
        made = [table.in_words_of(label, models) for table in made]
    words = [in_words_of(label, text, models) for make in plan.sentences for text in make(s)]
    return Section(
        *(plan.anchor, plan.title, tuple(figures), tuple(made), tuple(words)),
        above=plan.above,
        below=plan.below,
    )


def all_figures(made: Sequence[Section]) -> list[Drawn]:
    """The figures of all sections, in the order of the page."""
    return [figure for section in made for figure in section.figures]


def all_tables(made: Sequence[Section]) -> list[Table]:
    """The tables of all sections, in the order of the page."""
    return [table for section in made for table in section.tables]
