"""The command line, checked before Hydra reads it: its options, in any order, and its overrides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from emo.config import overrides
from emo.config.conf_folder import CONF
from emo.config.parameters import is_name, unknown
from emo.errors import ConfigError, EmoError, did_you_mean, value_text
from emo.redact import without_password

FIXED = {
    "experimental_rerun": "the same command again: no pickle is read",
    "config_path": "--config-dir=FOLDER, which adds options to the groups",
    "config_name": "--config-dir=FOLDER, which adds options to the groups",
}
"""Options of Hydra that would bypass the typed schema -> what to give instead."""


def checked(argv: Sequence[str], root: Path) -> list[str]:
    """The arguments of a command in a form that Hydra accepts.

    Hydra would refuse wrong arguments with a usage text or a traceback.

    Raises
    ------
    EmoError
        Naming the first argument that is not allowed, and what is wrong with it.
    """
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.error = _refuse
    known, rest = parser.parse_known_intermixed_args(list(argv))
    if rest:
        options = [o for action in parser._actions for o in action.option_strings if o[:2] == "--"]
        hint = did_you_mean(rest[0].partition("=")[0], options)
        raise EmoError(
            f"{value_text(rest[0])}: no such option{hint}; there are {', '.join(options)}"
        )
    for name, instead in FIXED.items():
        if (value := getattr(known, name)) is not None:
            raise ConfigError(f"--{name.replace('_', '-')}", value, instead)
    modes = {
        "--run": known.run,
        "--multirun": known.multirun,
        "--cfg": known.cfg is not None,
        "--info": known.info is not None,
        "--shell-completion": known.shell_completion,
    }
    chosen = [name for name, given in modes.items() if given]
    if len(chosen) > 1:
        raise EmoError(f"{' and '.join(chosen)}: allowed is one of {', '.join(modes)}")
    if known.resolve and not (known.cfg or known.help):
        raise EmoError("--resolve: allowed is with --cfg job")
    if known.package is not None and not known.cfg:
        raise EmoError("--package: allowed is with --cfg job")
    if known.package is not None and not is_name(known.package):
        raise unknown(known.package)
    folders = [CONF]
    if known.config_dir is not None:
        folders.append(Path(known.config_dir))
        if not folders[-1].is_dir():
            raise EmoError(f"--config-dir={value_text(known.config_dir)}: no such folder")
    options = _without(argv, known.overrides)
    if known.shell_completion:
        _check_completion(known.overrides)
        return [*known.overrides, *options]
    words = known.overrides
    if (
        known.cfg or known.info or known.help or known.hydra_help
    ):  # these show configs and run nothing
        words = [without_password(word) for word in words]
    words = overrides.checked(words, folders, root)
    # --info may have a value: the first word after it would be read as that value.
    return [*words, *options] if known.info else [*options, *words]


def _refuse(message: str) -> NoReturn:
    """Raise a message of argparse as an error of one line, without its usage text."""
    raise EmoError(value_text(message.removeprefix("argument ")))


def _without(argv: Sequence[str], words: Sequence[str]) -> list[str]:
    """The arguments without ``words``, which are among them in this order."""
    rest, options = list(words), []
    for argument in argv:
        if rest and argument == rest[0]:
            rest.pop(0)
        else:
            options.append(argument)
    return options


def _check_completion(words: Sequence[str]) -> None:
    actions = ("install", "uninstall", "query")
    shells = ("bash", "fish", "zsh")
    pairs = [word.partition("=")[::2] for word in words]
    if len(pairs) != 1 or pairs[0][0] not in actions or pairs[0][1] not in shells:
        allowed = ", ".join(f"{word}=SHELL" for word in actions)
        raise EmoError(f"--shell-completion: allowed is one of {allowed}, of {', '.join(shells)}")
