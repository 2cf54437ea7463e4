"""The methods text of a summary, made from the settings of its runs and of the summary itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from emo.config import vector_settings
from emo.core.compare.agreement import draws_made
from emo.core.stats.effort import LEAST_REPLICATES, affordable
from emo.core.stats.resampling import Resampling
from emo.report.labels import in_words_of
from emo.runs.listing import RunListing
from emo.summary.assemble import Summary


def methods(s: Summary) -> list[str]:
    """Paragraphs on the passages, the readings, the conditions and the statistics."""
    paragraphs = [
        _passages(s),
        *([_comprehension(s)] if s.models else []),
        *([_generation(s)] if s.tables else []),
        _statistics(s),
    ]
    kept = [vector_settings.by_name("stimuli.label").methods_of(s.config)]
    return [in_words_of(s.config.stimuli.label, text, kept) for text in paragraphs]


def _passages(s: Summary) -> str:
    stimuli = s.stimuli
    groups = {p.situation for p in stimuli.items}
    crossed = (
        f", {len(groups)} situations crossed with the emotions"
        if stimuli.crossed
        else "; the passages name no situation, so halves and draws are of passages within emotions"
    )
    return (
        f"Passages: {len(stimuli.items)} texts of {len(stimuli.emotions)} emotions{crossed} "
        f"(digest {stimuli.sha256[:12]}); {len(stimuli.neutral)} neutral sentences for anisotropy."
    )


def _comprehension(s: Summary) -> str:
    c = s.config
    ids = {m.run_id for m in s.models}
    used = [r for r in s.runs if r.run_id in ids]
    reading = {
        tag: distinct(r.tags.get(tag, "?") for r in used)
        for tag in ("precision", "backend", "device")
    }
    settings = vector_settings.methods_text(c)
    readout = settings.pop("method.readout")
    more = list(settings.values())
    if mixed := [tag for tag, values in reading.items() if "," in values]:
        more.append(f"differences between models contain differences of {' and '.join(mixed)}")
    return (
        "Comprehension: each model read every passage once, without chat template; "
        f"{readout} was read after every decoder block. Precision "
        f"{reading['precision']}, backend {reading['backend']}, device {reading['device']}. An emotion "
        "vector is the mean over the emotion's passages minus the mean over emotions; an RDM holds the "
        "cosine similarities of all pairs of emotion vectors (1 minus an entry is a distance). Models "
        f"are compared at the layer that job.summarize.layer={c.job.summarize.layer.value} chooses"
        + "".join(f"; {words}" for words in more)
        + "."
    )


def _generation(s: Summary) -> str:
    parts = [
        f"{t.table.model} {c.name}: {_condition(t.runs[c.name])}, layer {c.layer}"
        for t in s.tables
        for c in t.table.conditions
    ]
    return (
        f"Conditions: {'; '.join(parts)}. Each set of vectors is centred on the mean of its own full "
        "set; then both sets are restricted to the common emotions and compared."
    )


def _condition(run: RunListing) -> str:
    if run.tags.get("method") == "comprehension":
        return f"comprehension in {run.tags.get('precision')}"
    p = {
        k.removeprefix("subparams."): v for k, v in run.params.items() if k.startswith("subparams.")
    }
    decoding = p.get("decoding", "?")
    if decoding == "sampled":
        decoding += f" at T {p.get('temperature')}, top-p {p.get('top_p')}, seed {p.get('seed')}"
    path = run.config.subparams.prompts_path
    whose = "" if path is None else f" of the user's own {Path(path).name}"
    return (
        f"prompts {p.get('prompts')} ({p.get('templates')}){whose}, {p.get('samples')} texts per "
        f"emotion, {decoding}, {p.get('max_new_tokens')} tokens, position {p.get('position')}, chat "
        f"template {run.tags.get('chat_template', '?')}, centring {p.get('centring')}, in "
        f"{run.tags.get('precision')}"
        + (f", texts of {p.get('texts_from')}" if run.teacher_forced else "")
    )


def _statistics(s: Summary) -> str:
    c = s.config
    return (
        f"Statistics: rho is Spearman; p is a one-sided Mantel test with {c.job.summarize.permutations} "
        "permutations. Intervals on all items come from "
        f"{c.job.summarize.n_bootstrap} bootstrap draws of situations (of items within emotions where "
        "there are no situations), recentred on Fisher's z scale. Halves come from "
        f"{c.resampling.n_splits} random divisions, and their intervals from "
        f"{c.resampling.n_bootstrap} draws with {c.resampling.splits_per_replicate} divisions each. "
        "Intervals over items and emotions also draw emotions in each of these draws. Reliability is "
        "the split-half correlation, corrected to the full number of items. Disattenuated rho is that "
        "of disjoint halves over the geometric mean of each side's own, with Fieller's interval over a "
        f"jackknife of items. Seed {c.seed}.{_fewer_draws(s)}{_other_settings(s)}"
    )


def _fewer_draws(s: Summary) -> str:
    """A sentence where the RDMs are so many and large that not all draws are made."""
    study, c = s.cross_model, s.config
    if study is None:
        return ""
    same = affordable(c.job.summarize.n_bootstrap, study.rdms.size, LEAST_REPLICATES)
    asked = Resampling(seed=c.seed, **asdict(c.resampling))
    n, each, splits = draws_made(asked, 2 * study.rdms.size)
    wanted = (asked.n_bootstrap, asked.splits_per_replicate, asked.n_splits)
    if same == c.job.summarize.n_bootstrap and (n, each, splits) == wanted:
        return ""
    return (
        f" Of {len(study.models)} models of {len(study.emotions)} emotions fewer are made: {same} "
        f"draws on all items, {splits} divisions, {n} draws with {each} divisions each."
    )


def _other_settings(s: Summary) -> str:
    """A sentence on the runs whose descriptors were computed with other settings than the summary's."""
    c = s.config
    now = {"seed": str(c.seed)} | {
        f"resampling.{name}": str(value) for name, value in asdict(c.resampling).items()
    }
    ids = {m.run_id for m in s.models}
    other = [
        f"{r.model} {key}={r.params[key]}"
        for r in s.runs
        if r.run_id in ids
        for key, value in now.items()
        if r.params.get(key, value) != value
    ]
    if not other:
        return ""
    return (
        " Descriptors are as each run computed them; settings that differ from these: "
        f"{', '.join(other)}."
    )


def distinct(values: Iterable[str]) -> str:
    """Each value once, in a list."""
    return ", ".join(dict.fromkeys(values))
