"""What is no override, or one that Hydra's grammar, groups or own settings do not take."""

from __future__ import annotations

from tests.fuzz.case import Case
from tests.fuzz.drawing import short
from tests.fuzz.place import SMALL, Place

# Override -> of these words one stands in the error.
GRAMMAR = {
    "seed": ("seed",),
    "=5": ("=5",),
    "seed=[1": ("seed",),
    "seed={a": ("seed",),
    'method.suffix="she felt': ("suffix",),
    "method.suffix='she felt": ("suffix",),
    "seed=1)": ("seed",),
    "seed=]": ("seed",),
    "se ed=1": ("se ed",),
    "stimuli.path=my texts (2).csv": ("stimuli.path",),
    "stimuli.path=gefühle.csv": ("stimuli.path", "gef"),
    "stimuli.path=感情.csv": ("stimuli.path",),
    "stimuli.path=a=b.csv": ("stimuli.path",),
    "stimuli.path=a{b}.csv": ("stimuli.path",),
    "model.id=C:\\models\\(new)": ("model.id",),
    "method.suffix=Is she, he asked, sad?": ("method.suffix",),
    "seed=1,2": ("seed",),
    "seed=range(1,3)": ("seed",),
    "seed=choice(1,2)": ("seed",),
    "model=tiny,gpt2": ("model",),
    "precision=fp32,bf16": ("precision",),
    "seed=int(abc)": ("seed", "int"),
    "seed=nothing(3)": ("seed", "nothing"),
    "stimuli.path='no\nsuch.csv'": ("stimuli.path",),
    "stimuli.path=\x1b[31mred.csv": ("stimuli.path",),
    "stimuli.path=\udce9t\udce9.csv": ("stimuli.path",),
    "stimuli.path=" + "a" * 300 + ".csv": ("stimuli.path",),
    "stimuli.path=" + "a/" * 3000 + ".csv": ("stimuli.path",),
    "model.name=" + "[" * 400: ("model.name",),
}
INTERPOLATIONS = {
    "seed=${nothing}": ("seed", "nothing"),
    "seed=${model.nothing}": ("seed", "nothing"),
    "seed=${oc.env:FUZZ_NOT_SET}": ("seed", "FUZZ_NOT_SET"),
    "seed=${oc.env:HOME}": ("seed",),
    "stimuli.path=${oc.env:FUZZ_NOT_SET}": ("stimuli.path", "FUZZ_NOT_SET"),
    "seed=${seed}": ("seed",),
    "seed=${model}": ("seed",),
    "seed=${model.name}": ("seed",),
    "seed=${nothing.at.all:5}": ("seed", "nothing"),
    "seed=${oc.decode:'['}": ("seed",),
    "seed=${": ("seed",),
    "seed=$}{": ("seed",),
    "force=${hydra:runtime.cwd}": ("force",),
    "model.name=${hydra:nothing}": ("model.name", "nothing"),
    "seed=???": ("seed",),
    "model.id=???": ("model.id",),
    "stimuli.path=${root}/${nothing}": ("stimuli.path", "nothing"),
}
UNKNOWN = {
    "foo=1": ("foo",),
    "+foo=1": ("foo",),
    "++foo.bar=1": ("foo",),
    "modle=tiny": ("modle",),
    "model.foo=1": ("foo",),
    "+model.foo=1": ("foo",),
    "seed.x=1": ("seed",),
    "model.name.x=1": ("model.name",),
    "+seed.x=1": ("seed",),
    "model.tiny=5": ("model.tiny",),
    "model.tiny=null": ("model.tiny",),
    "resampling=5": ("resampling",),
    "resampling=null": ("resampling",),
    "paths=null": ("paths",),
    "job.sensitivity=[1]": ("job.sensitivity",),
    "steer=[1]": ("steer",),
    "resampling.n_split=3": ("n_split",),
    "Seed=1": ("Seed",),
    ".seed=1": ("seed",),
    "seed.=1": ("seed",),
    "model..name=a": ("model",),
    "model[name]=a": ("model",),
    "0=1": ("0",),
    "model=nothing": ("model=nothing",),
    "model=": ("model",),
    "model=null": ("model",),
    "model=[gpt2,tiny]": ("model",),
    "stimuli.path=~nobody_here/texts.csv": ("stimuli.path",),
    "precision=null": ("precision",),
    "job=null": ("job",),
    "job=extrakt": ("job=extrakt",),
    "job=5": ("job",),
    "method=[comprehension]x": ("method",),
    "experiment=nothing": ("experiment",),
    "+experiment=nothing": ("experiment",),
    "+nothing=tiny": ("nothing",),
    "model@other=tiny": ("other", "model"),
    "backend@model=hf": ("backend", "model"),
    "root=/tmp": ("root",),
}
DELETIONS = {
    "~seed": ("seed",),
    "~seed=1": ("seed",),
    "~model": ("model",),
    "~model.name": ("model.name",),
    "~resampling": ("resampling",),
    "~resampling.n_splits": ("resampling",),
    "~tracking": ("tracking",),
    "~paths": ("paths",),
    "~nothing": ("nothing",),
    "~hydra": ("hydra",),
}
HYDRA = {
    "hydra.run.dir=/proc/nothing": ("hydra.run.dir",),
    "hydra.run.dir=small.csv": ("hydra.run.dir", "small.csv"),
    "hydra.run.dir=${nothing}": ("hydra.run.dir", "nothing"),
    "hydra.output_subdir=/proc/nothing": ("hydra.output_subdir", "/proc/nothing"),
    "hydra.job.chdir=perhaps": ("hydra.job.chdir",),
    "hydra.job.num=x": ("hydra.job.num",),
    "hydra.mode=DANCE": ("hydra.mode",),
    "hydra.nothing=1": ("hydra.nothing", "nothing"),
    "hydra=nothing": ("hydra",),
    "hydra/launcher=nothing": ("hydra/launcher",),
    "hydra/sweeper=nothing": ("hydra/sweeper",),
    "hydra/job_logging=nothing": ("hydra/job_logging",),
    "hydra/help=nothing": ("hydra/help",),
    "hydra/output=nothing": ("hydra/output",),
    "hydra.job_logging.root.level=LOUD": ("hydra.job_logging", "LOUD"),
    "hydra.job_logging=null": ("hydra.job_logging",),
    "hydra.hydra_logging.version=two": ("hydra.hydra_logging", "version"),
    "hydra.searchpath=[nothing://x]": ("hydra.searchpath", "nothing://x"),
    "hydra.callbacks={a:{_target_:os.system}}": ("hydra.callbacks",),
}
FLAGS = {
    ("--nothing",): ("--nothing",),
    ("-x",): ("-x",),
    ("--cfg",): ("--cfg",),
    ("--cfg", "nothing"): ("--cfg",),
    ("--cfg", "job", "--package", "nothing"): ("--package", "nothing"),
    ("--info", "nothing"): ("--info",),
    ("--resolve",): ("--resolve",),
    ("--cfg", "job", "--resolve", "seed=${nothing}"): ("seed", "nothing"),
    ("--shell-completion",): ("--shell-completion",),
    ("--shell-completion", "nothing"): ("--shell-completion", "nothing"),
    ("--config-name", "nothing"): ("--config-name", "nothing"),
    ("--config-path", "/nothing"): ("--config-path", "nothing"),
    ("--config-dir", "/nothing"): ("/nothing",),
    ("--experimental-rerun", "nothing"): ("--experimental-rerun", "nothing"),
    ("", "seed=1"): ("override",),
}


def cases(place: Place) -> list[Case]:
    """All of them, beside the overrides of a quick run."""
    found = []
    for words in (GRAMMAR, INTERPOLATIONS, UNKNOWN, DELETIONS, HYDRA):
        for override, named in words.items():
            name = override if len(override) < 60 else short(override)
            found.append(Case(ascii(name)[1:-1], (*SMALL, override), named))
    found += [Case(" ".join(flags), (*SMALL, *flags), named) for flags, named in FLAGS.items()]
    return found
