"""What job=steer needs, found and checked before a run is opened: scenarios, vectors, doses, judge."""

from __future__ import annotations

import importlib.metadata
import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from emo.activations.embedding import table_rows
from emo.activations.reading import note_appended
from emo.config.enums import JudgeName, LayerRule, MethodName, SteerVector
from emo.config.jobs import JobConfig
from emo.config.schema import RunConfig, canonical
from emo.core.steering.text_measures import Direction
from emo.errors import ArtifactError, ConfigError
from emo.generation.generating import check_prompts
from emo.generation.prompting import prompt_ids
from emo.generation.samples import Request
from emo.generation.texts import TextStore
from emo.models.digests import folder_digest
from emo.models.folders import Unusable, read_folder
from emo.models.weights import Weights, weights_name
from emo.pipeline import extraction as extract
from emo.pipeline.prerequisites import vector_source
from emo.pipeline.writer import comprehension_config
from emo.runs import files as serialise
from emo.runs.identity import batch_decides, reader_identity, text_identity
from emo.runs.plan import Plan, make_plan
from emo.runs.versions import STEER_VERSION
from emo.steering.doses import Dose, Site, parse_sites, plan_doses
from emo.stimuli.scenarios import Scenario, load_scenarios
from emo.summary.loading import layer_by

if TYPE_CHECKING:
    from emo.api import LoadedRun
    from emo.core.records import EmotionVectors
    from emo.generation.ways import Way
    from emo.models.loading import LoadedModel
    from emo.steering.judging import Judge

log = logging.getLogger(__name__)


def chosen_scenarios(config: RunConfig) -> tuple[tuple[Scenario, ...], str]:
    """The scenarios asked for and the digest of their file; what needs no model is checked here.

    Raises
    ------
    EmoError
        If one of the steering parameters is not allowed.
    """
    steer = config.steer
    parse_sites(steer.layers)
    good = [math.isfinite(s) and s >= 0 for s in steer.strengths]
    if not all(good) or not good or len(set(steer.strengths)) < len(good):
        raise ConfigError("steer.strengths", steer.strengths, "different numbers of at least 0")
    if steer.judge is JudgeName.hf and not steer.judge_model:
        raise ConfigError("steer.judge_model", None, "a folder with a classifier, for judge=hf")
    emotions = steer.emotions
    if emotions is not None and (not emotions or len(set(emotions)) < len(emotions)):
        raise ConfigError("steer.emotions", emotions, "null, or emotions of the vectors, each once")
    if len(set(steer.controls)) < len(steer.controls):
        raise ConfigError("steer.controls", [c.value for c in steer.controls], "each control once")
    found = load_scenarios(config.path(steer.scenarios_path) if steer.scenarios_path else None)
    by_id = {s.id: s for s in found.items}
    names = list(by_id) if steer.scenarios is None else steer.scenarios
    if not names or len(set(names)) < len(names) or not set(names) <= set(by_id):
        raise ConfigError("steer.scenarios", names, f"each once, of {', '.join(by_id)}")
    return tuple(by_id[name] for name in names), found.sha256


def steer_plan(config: RunConfig, scenarios_sha256: str) -> Plan:
    """The plan, named by everything that can change a text or a verdict.

    Raises
    ------
    EmoError
        If the run named has no vectors that can be added.
    """
    steer = config.steer
    if steer.run is None:
        vectors = make_plan(_extraction(config)).provenance.fingerprint
    else:
        source = vector_source(config, "steer.run", steer.run)
        vectors = source.tags.get("fingerprint", source.run_id)

    def identity(config: RunConfig, weights: Weights, device: str, _sha256: str) -> dict[str, Any]:
        settings = canonical(steer)
        for name in ("name", "run", "scenarios_path", "judge_model"):
            del settings[name]
        if steer.chat_template and config.model.thinking is not None:
            settings["thinking"] = config.model.thinking
        return {
            "job": "steer",
            "version": STEER_VERSION,
            "reader": reader_identity(config, weights, device),
            "vectors": vectors,
            "steer": settings,
            "scenarios": scenarios_sha256,
            "judge": _judge_identity(config),
            "batch_size": (
                [config.batch_size, config.decode_batch_size] if batch_decides(config) else None
            ),
            "seed": config.seed,
        }

    return make_plan(config, identity)


def _extraction(config: RunConfig) -> RunConfig:
    """The comprehension run whose vectors are added where none is named."""
    if config.method.name is MethodName.generation:
        return comprehension_config(config)
    return replace(config, job=JobConfig(), force=False)


def _judge_identity(config: RunConfig) -> str:
    if config.steer.judge is JudgeName.lexicon:
        return f"vaderSentiment {importlib.metadata.version('vaderSentiment')}"
    folder = config.path(config.steer.judge_model or "")
    if not folder.is_dir():
        raise ConfigError("steer.judge_model", folder, "a folder with a classifier")
    try:
        return folder_digest(read_folder(folder), config.path(config.paths.weights))
    except Unusable as error:
        allowed = f"a classifier as save_pretrained writes it: {error}"
        raise ConfigError("steer.judge_model", folder, allowed) from None


def vectors_run(config: RunConfig, revision: str) -> LoadedRun:
    """The extraction whose vectors are added: the one named, or this configuration's own.

    Raises
    ------
    EmoError
        If the run is not of this model in this revision of its weights, or the extraction fails.
    """
    run_id = config.steer.run
    found = _own(config) if run_id is None else vector_source(config, "steer.run", run_id)
    run_id = found.run_id
    model, theirs = (found.tags.get(tag, "unknown") for tag in ("model_id", "revision"))
    if weights_name(model, theirs) == weights_name(config.model.id, revision):
        return found
    if model != config.model.id:
        raise ConfigError("steer.run", run_id, f"a run of {config.model.id}; this is of {model}")
    allowed = f"a run of revision {revision} of {config.model.label}; this is of {theirs}"
    raise ConfigError("steer.run", run_id, allowed)


def _own(config: RunConfig) -> LoadedRun:
    """This configuration's own extraction; made again where its files turn out to be damaged.

    Raises
    ------
    EmoError
        If the extraction fails.
    """
    extraction = _extraction(config)
    found = vector_source(config, "steer.run", extract.run(extraction).run_id)
    try:
        _best(found, config.steer.criterion)
        _ = found.vectors
    except ArtifactError as error:
        log.warning("run %s: %s: extracted again", found.run_id, error.found)
        again = extract.run(replace(extraction, force=True))
        found = vector_source(config, "steer.run", again.run_id)
    return found


@dataclass(frozen=True)
class Work:
    """Everything a sweep needs, checked before a run is opened."""

    plan: Plan
    loaded: LoadedModel
    vectors: EmotionVectors
    source: int | None
    scenarios: tuple[Scenario, ...]
    doses: list[Dose]
    prompts: dict[str, tuple[int, ...]]
    judge: Judge


def prepare(
    config: RunConfig,
    plan: Plan,
    scenarios: tuple[Scenario, ...],
    source: LoadedRun,
    loaded: LoadedModel,
) -> Work:
    """Fit what was asked for to this model and these vectors.

    Raises
    ------
    ConfigError
        If a layer, an emotion or the length of a text does not fit.
    """
    steer, vectors = config.steer, source.vectors
    wanted = list(dict.fromkeys(steer.emotions or [s.emotion for s in scenarios]))
    if missing := [e for e in wanted if e not in vectors.emotions]:
        where = "steer.emotions" if steer.emotions else "steer.scenarios: emotion"
        raise ConfigError(
            where, missing[0], f"{', '.join(vectors.emotions)} (the vectors' emotions)"
        )
    shape = loaded.model.config.get_text_config()
    if vectors.values.shape[::2] != (shape.num_hidden_layers, shape.hidden_size):
        raise ConfigError("steer.run", source.run_id, "vectors with this model's layers and width")
    best = _best(source, steer.criterion)
    sites = parse_sites(steer.layers, shape.num_hidden_layers, best)
    if best is None and (steer.vector is SteerVector.best or any(not s.layers for s in sites)):
        raise ConfigError(
            "steer.criterion", steer.criterion.value, "published: this run has no layer by it"
        )
    prompts = {
        s.id: prompt_ids(loaded.tokenizer, s.text, steer.chat_template, config.model.thinking).ids
        for s in scenarios
    }
    note_appended(loaded.tokenizer)
    check_prompts([Request(ids) for ids in prompts.values()], table_rows(loaded.model))
    room = None if loaded.context is None else loaded.context - max(map(len, prompts.values()))
    if room is not None and steer.max_new_tokens > room:
        raise ConfigError("steer.max_new_tokens", steer.max_new_tokens, f"at most {room} here")
    return Work(
        plan,
        loaded,
        vectors,
        best if steer.vector is SteerVector.best else None,
        scenarios,
        _doses(config, scenarios, sites),
        prompts,
        _judge(config, loaded.device),
    )


def text_store(plan: Plan, way: Way) -> TextStore:
    """The store of steered texts: by the backend, too, so that backends can be compared."""
    config = plan.config
    identity = {
        "steered": text_identity(config, plan.weights, plan.device),
        "reader": reader_identity(config, plan.weights, plan.device),
    }
    if config.backend.label != "hooked":  # which has one way, always
        identity |= way.identity
    return TextStore(config.path(config.paths.store), identity)


def _best(source: LoadedRun, criterion: LayerRule) -> int | None:
    """The run's best layer; a generation run has one, however it was chosen."""
    if source.tags.get("method") == MethodName.generation.value:
        read = serialise.read_story_descriptors
        return source.tracker.read(source.run_id, "generation.json", read).layer
    descriptors = source.descriptors
    try:
        return layer_by(descriptors, criterion)
    except ValueError:
        return None


def _doses(config: RunConfig, scenarios: tuple[Scenario, ...], sites: list[Site]) -> list[Dose]:
    directions = [Direction.target, *(Direction(c.value) for c in config.steer.controls)]
    emotions = config.steer.emotions
    return plan_doses(scenarios, emotions, directions, sites, sorted(config.steer.strengths))


def _judge(config: RunConfig, device: str) -> Judge:
    from emo.steering.judging import ClassifierJudge, LexiconJudge

    if config.steer.judge is JudgeName.lexicon:
        return LexiconJudge()
    folder = config.path(config.steer.judge_model or "")
    return ClassifierJudge(folder, device, config.backend.batch_size)
