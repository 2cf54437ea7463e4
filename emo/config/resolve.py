"""A command line as a checked, frozen RunConfig; ``resolve`` alone sees a Hydra config."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from emo.config import checks
from emo.config.conf_folder import CONF
from emo.config.enums import (
    Attention,
    BackendName,
    JobName,
    MethodName,
    Position,
)
from emo.config.overrides import checked
from emo.config.schema import PASSAGES, BackendConfig, RunConfig
from emo.config.vector_settings import changed
from emo.errors import ConfigError

# omegaconf and hydra are imported where they are used: this is imported in notebooks, too.
if TYPE_CHECKING:
    from omegaconf import DictConfig

log = logging.getLogger(__name__)


def schema() -> DictConfig:
    """The typed schema as Hydra composes into it (the frozen flag lifted while merging)."""
    from omegaconf import OmegaConf

    node = OmegaConf.structured(RunConfig)
    _unlock(node)
    return node


_shared_schema = functools.cache(schema)
"""One schema for all that only copy it, as merging and the store of configs do: making one is slow."""


def _unlock(node: DictConfig) -> None:
    from omegaconf import DictConfig, OmegaConf

    OmegaConf.set_readonly(node, None)  # pyright: ignore[reportArgumentType]
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig):
            _unlock(child)


def resolve(config: DictConfig, root: Path) -> RunConfig:
    """A composed Hydra config as a checked, frozen RunConfig.

    Raises
    ------
    ConfigError
        Naming the first parameter that is unknown, unset, of a wrong type or out of range.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from emo.config.hydra_errors import of_omegaconf

    try:
        if missing := sorted(OmegaConf.missing_keys(config)):
            raise ConfigError(missing[0], "???", "a value: this parameter has no default")
        # As plain containers: a key added with '+' is then refused like any other unknown one.
        merged = OmegaConf.merge(
            _shared_schema(), OmegaConf.to_container(config), {"root": str(root)}
        )
        run = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise of_omegaconf(error) from error
    assert isinstance(run, RunConfig)
    checks.check(run)
    _check_generation(run)
    _check_texts(run)
    return dataclasses.replace(run, backend=_backend(run))


def _check_texts(run: RunConfig) -> None:
    """Refuse texts to read without job=read, and job=read without texts or with two sources.

    Raises
    ------
    ConfigError
        Naming the parameter.
    """
    given = {name: getattr(run.job.read, name) for name in ("text", "path")}
    given = {f"job.read.{name}": value for name, value in given.items() if value is not None}
    if run.job.name is not JobName.read:
        for name, value in given.items():
            raise ConfigError(name, value, f"null with job={run.job.name}: texts are for job=read")
    elif len(given) != 1:
        allowed = "one of text='...' and job.read.path=FILE.txt or .jsonl"
        raise ConfigError("job.read.text", run.job.read.text, allowed)


LAYERS = ("middle", "best", "two_thirds")
"""The layers that have a name in ``subparams.layer``."""


def _check_generation(run: RunConfig) -> None:
    """What a single field's type and minimum cannot say about generation.

    Raises
    ------
    ConfigError
        Naming the first parameter that is out of range or goes with no other.
    """
    sub = run.subparams
    if sub.layer not in LAYERS and not sub.layer.isdecimal():
        allowed = f"{', '.join(LAYERS)}, or a layer's number from 0"
        raise ConfigError("subparams.layer", sub.layer, allowed)
    if sub.temperature <= 0:
        raise ConfigError(
            "subparams.temperature",
            sub.temperature,
            "a value above 0; subparams.decoding=greedy draws nothing",
        )
    if not 0 < sub.top_p <= 1:
        raise ConfigError("subparams.top_p", sub.top_p, "a value above 0, at most 1")
    if not sub.with_prompt and sub.position is Position.mid:
        allowed = "true with subparams.position=mid, which reads short texts in the prompt"
        raise ConfigError("subparams.with_prompt", "false", allowed)
    generation = run.method.name is MethodName.generation
    reading = (
        *(JobName.extract, JobName.ablate, JobName.axes, JobName.read),
        JobName.validate,
        JobName.steer,
    )
    if generation and run.job.name not in reading:
        raise ConfigError("method", "generation", f"comprehension with job={run.job.name}")
    _check_emotions(run)
    where = "method=generation" if generation else f"job={run.job.name}"
    for setting in changed(run):
        if not setting.allows(run):
            allowed = f"{setting.default_words} with {where}{setting.because}"
            raise ConfigError(setting.name, setting.value(run), allowed)
    for name in ("tokens", "samples"):
        levels = getattr(run.job.ablate, name)
        if len(levels) != 2 or min(levels) < 1 or levels[0] == levels[1]:
            raise ConfigError(
                f"job.ablate.{name}", levels, "two different numbers of at least 1: [matched,loose]"
            )


def _check_emotions(run: RunConfig) -> None:
    """Refuse a list of emotions where nothing is written about them.

    Raises
    ------
    ConfigError
        Naming the parameter.
    """
    name, path = run.emotions.name, run.emotions.path
    written = run.job.name in (JobName.ablate, JobName.sensitivity)  # whatever the method says
    if written or run.method.name is MethodName.generation:
        return
    where = "with method=comprehension, whose emotions are those of the passages"
    if path is not None:
        raise ConfigError("emotions.path", path, f"null {where}")
    if name != PASSAGES:
        raise ConfigError("emotions", name, f"{PASSAGES} {where}")


INSTALL_TL = "pip install -c constraints.txt 'transformer-lens>=3.9' (make install-dev does it)"


def tl_installed() -> bool:
    """Whether TransformerLens is there; it is not imported."""
    return importlib.util.find_spec("transformer_lens") is not None


def _backend(run: RunConfig) -> BackendConfig:
    """The backend with ``auto`` replaced by what the model option names, if that is installed."""
    backend, model = run.backend, run.model
    if model.backend is BackendName.auto:
        raise ConfigError("model.backend", "auto", "hf, tl")
    name = model.backend if backend.name is BackendName.auto else backend.name
    if name is BackendName.tl and not tl_installed():
        if backend.name is BackendName.tl:
            raise ConfigError("backend", "tl", f"hf: TransformerLens is missing, {INSTALL_TL}")
        log.info("backend=hf for model=%s: TransformerLens is missing, %s", model.label, INSTALL_TL)
        name = BackendName.hf
    if name is BackendName.tl and backend.attention is not Attention.eager:
        raise ConfigError(
            "backend.attention",
            backend.attention.value,
            "eager with backend=tl, whose hooks stand inside the attention; or take backend=hf",
        )
    return dataclasses.replace(backend, name=name)


def compose(*overrides: str, root: Path | str = ".", conf: Path | None = None) -> RunConfig:
    """The checked settings of a command line, for notebooks and tests.

    Parameters
    ----------
    *overrides
        The words that would stand behind ``python launch.py``, one string each.
    root
        The project's folder: results and caches go there, relative paths begin there.
    conf
        Another folder of config groups. None: the one that comes with the program.

    Returns
    -------
    RunConfig
        Frozen. ``emo.cli.run_job`` runs it.

    Raises
    ------
    EmoError
        Naming the first parameter that is unknown, unset, of a wrong type or out of range.

    Examples
    --------
    >>> config = emo.compose("model=gpt2", "method.readout=mean")
    >>> config.model.id, config.method.readout.value
    ('openai-community/gpt2', 'mean')
    >>> emo.compose("model=gtp2")
    Traceback (most recent call last):
    ...
    emo.errors.ConfigError: model=gtp2: allowed is ... (did you mean gpt2?)
    """
    import hydra
    from hydra.core.config_store import ConfigStore
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from emo.config.hydra_errors import explained

    ConfigStore.instance().store(name="schema", node=_shared_schema())
    folder = CONF if conf is None else checks.as_path("conf", conf).resolve()
    if not (folder / "config.yaml").is_file():
        raise ConfigError("conf", folder, "a folder of config groups, with a config.yaml")
    base = checks.as_path("root", root).resolve()
    for word in overrides:
        if not isinstance(word, str):
            raise ConfigError("override", word, "a text, NAME=VALUE")
    words = checked(overrides, [folder], base)
    try:
        with hydra.initialize_config_dir(str(folder), version_base="1.3"):
            return resolve(hydra.compose("config", words), base)
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error) from error
