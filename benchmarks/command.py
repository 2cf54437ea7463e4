"""The parts that the commands of all benchmarks share: options, models, and the section they write."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import write_section
from emo.config.schema import RunConfig
from emo.models.loading import LoadedModel, load
from emo.models.placement import Room
from emo.models.weights import locate

ROOT = Path(__file__).parents[1]


def parser_of(name: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of ``python -m benchmarks.NAME``."""
    return argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)


def options(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None, **least: int
) -> argparse.Namespace:
    """The options of a command; one below its ``least`` value ends the program."""
    args = parser.parse_args(arguments)
    for name, smallest in least.items():
        if getattr(args, name) < smallest:
            parser.error(f"--{name}={getattr(args, name)}: allowed is at least {smallest}")
    return args


def loaded_model(config: RunConfig, device: str = "cpu") -> LoadedModel:
    """The model of a config, on a device."""
    return load(
        config.model,
        locate(config.model),
        config.precision,
        config.backend.attention,
        device,
        config.path(config.paths.weights),
        Room.of(config.backend),
    )


def publish(section: str, text: str) -> None:
    """Print a section and write it to docs/benchmarks.md."""
    print(text)
    write_section(section, text)


def table(head: Sequence[str], rows: Sequence[str]) -> list[str]:
    """The lines of a Markdown table; each row is a line already."""
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows]
