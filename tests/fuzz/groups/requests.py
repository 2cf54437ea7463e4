"""Values of the right type that no job can make sense of, or that ask for more than there can be."""

from __future__ import annotations

from tests.fuzz.case import Case
from tests.fuzz.drawing import short
from tests.fuzz.place import ABLATE, SMALL, STEER, STORIES, STUDY, SUMMARIZE, Place

HUGE = 10**12

TOO_MUCH = {
    (f"resampling.n_splits={HUGE}",): "resampling.n_splits",
    (f"resampling.n_bootstrap={HUGE}",): "resampling.n_bootstrap",
    (f"resampling.splits_per_replicate={HUGE}",): "resampling.splits_per_replicate",
    (f"resampling.n_splits={10**22}",): "resampling.n_splits",
    (f"model.tiny.n_layers={10**8}",): "model",
    (f"model.tiny.hidden={4 * 10**6}",): "model",
    (f"model.tiny.seed={2**64}",): "model.tiny.seed",
    (*STORIES, f"subparams.samples={10**9}"): "subparams.samples",
    (*STORIES, f"subparams.max_new_tokens={10**9}"): "subparams.max_new_tokens",
    (*STEER, f"steer.max_new_tokens={10**9}"): "steer.max_new_tokens",
    (*STEER, "steer.layers=0-99999999999"): "steer.layers",
    (*STEER, f"steer.control_samples={10**9}"): "steer.control_samples",
    (*ABLATE, f"job.samples=[{10**9},1]"): "job.samples",
    (*ABLATE, f"job.tokens=[{10**9},4]"): "job.tokens",
    ("job=summarize", f"job.summary.permutations={HUGE}"): "job.summary.permutations",
    ("job=summarize", f"job.summary.n_bootstrap={HUGE}"): "job.summary.n_bootstrap",
    (*STUDY, "job.study.n_trials=2", f"job.study.space={{samples:[1,{10**9}]}}"): "samples",
    (
        *STUDY,
        "job.study.n_trials=2",
        f"job.study.space={{max_new_tokens:[4,{10**9}]}}",
    ): "max_new_tokens",
    ("tracking.uri=http://127.0.0.1:9", "tracking.timeout_s=1e300"): "tracking",
}
WRONG = {
    # Sub-parameters of generation
    (*STORIES, "subparams.layer=99"): "subparams.layer",
    (*STORIES, "subparams.layer=-1"): "subparams.layer",
    (*STORIES, "subparams.layer=1.5"): "subparams.layer",
    (*STORIES, "subparams.layer=²"): "subparams.layer",
    (*STORIES, "subparams.temperature=0"): "subparams.temperature",
    (*STORIES, "subparams.temperature=-3"): "subparams.temperature",
    (*STORIES, "subparams.temperature=nan"): "subparams.temperature",
    (*STORIES, "subparams.top_p=0"): "subparams.top_p",
    (*STORIES, "subparams.top_p=1.01"): "subparams.top_p",
    (*STORIES, "subparams.top_p=nan"): "subparams.top_p",
    (*STORIES, "method.readout=mean"): "method.readout",
    (*STORIES, "vectors.remove=situation"): "vectors.remove",
    (*STORIES, "vectors.projection=z_score"): "vectors.projection",
    (*STORIES, "job=summarize"): "method",
    (*STORIES, "job=equivalence"): "method",
    ("method.readout=suffix", "method.suffix=' '"): "method.suffix",
    ("method.readout=suffix", "method.suffix=" + "so " * 2000): "method.suffix",
    # The tiny model
    ("model.tiny.hidden=17",): "model.tiny.hidden",
    ("model.tiny.hidden=22",): "model.tiny.hidden",
    ("model.tiny.architecture=transformer",): "model.tiny.architecture",
    ("model.tiny.architecture=llama/../x",): "model.tiny.architecture",
    # What is not there
    ("backend.attention=flash_attention_2",): "backend.attention",
    ("backend.device=cuda",): "backend.device",
    ("backend.device=mps",): "backend.device",
    ("backend=tl", "backend.attention=sdpa"): "backend.attention",
    ("backend=tl", "backend.implementation=hooked", "precision=int8"): "precision",
    ("model.backend=auto",): "model.backend",
    # Summaries
    (*SUMMARIZE, "job.summary.models=[nobody]"): "job.summary.models",
    (*SUMMARIZE, "job.summary.models=[]"): "job.summary.models",
    (*SUMMARIZE, "job.summary.models=[[tiny]]"): "job.summary.models",
    (*SUMMARIZE, "job.summary.models=['']"): "job.summary.models",
    (*SUMMARIZE, "job.summary.make=[Z]"): "job.summary.make",
    (*SUMMARIZE, "stimuli.path=prompts.yaml"): "stimuli.path",
    (*SUMMARIZE, "method.readout=mean"): "readout",
    # Steering
    (*STEER, "steer.layers=99"): "steer.layers",
    (*STEER, "steer.layers=-1"): "steer.layers",
    (*STEER, "steer.layers=3-1"): "steer.layers",
    (*STEER, "steer.layers=[]"): "steer.layers",
    (*STEER, "steer.layers=null"): "steer.layers",
    (*STEER, "steer.layers=first"): "steer.layers",
    (*STEER, "steer.layers=[0,0]"): "steer.layers",
    (*STEER, "steer.layers={a:1}"): "steer.layers",
    (*STEER, "steer.layers=[[0,[1]]]"): "steer.layers",
    (*STEER, "steer.layers=1.5"): "steer.layers",
    (*STEER, "steer.layers='0-'"): "steer.layers",
    (*STEER, "steer.strengths=[]"): "steer.strengths",
    (*STEER, "steer.strengths=[-0.1]"): "steer.strengths",
    (*STEER, "steer.strengths=[0.1,0.1]"): "steer.strengths",
    (*STEER, "steer.strengths=[nan]"): "steer.strengths",
    (*STEER, "steer.strengths=[inf,0.1]"): "steer.strengths",
    (*STEER, "steer.emotions=[]"): "steer.emotions",
    (*STEER, "steer.emotions=[nostalgic]"): "steer.emotions",
    (*STEER, "steer.emotions=[calm,calm]"): "steer.emotions",
    (*STEER, "steer.scenarios=[three]"): "steer.scenarios",
    (*STEER, "steer.scenarios=[]"): "steer.scenarios",
    (*STEER, "steer.scenarios=[one,one]"): "steer.scenarios",
    (*STEER, "steer.controls=[opposite,opposite]"): "steer.controls",
    (*STEER, "steer.judge=hf"): "steer.judge_model",
    (*STEER, "steer.judge=hf", "steer.judge_model=nothing"): "steer.judge_model",
    (*STEER, "steer.judge=hf", "steer.judge_model=small.csv"): "steer.judge_model",
    (*STEER, "steer.judge=hf", "steer.judge_model=conf"): "steer.judge_model",
    (*STEER, "steer.run=0123456789abcdef0123456789abcdef"): "steer.run",
    (*STEER, "steer.run=nothing"): "steer.run",
    (*STEER, "steer.run='%'"): "steer.run",
    # Ablation and precision
    (*ABLATE, "job.samples=[1]"): "job.samples",
    (*ABLATE, "job.samples=[1,1]"): "job.samples",
    (*ABLATE, "job.samples=[0,1]"): "job.samples",
    (*ABLATE, "job.tokens=[6,4,2]"): "job.tokens",
    (*ABLATE, "job.tokens=[]"): "job.tokens",
    (*ABLATE, "job.emotions=2"): "job.emotions",
    ("job=precision", "job.precisions=[]"): "job.precisions",
    ("job=precision", "job.precisions=[bf16,bf16]"): "job.precisions",
    ("job=precision", "job.situations=1"): "job.situations",
    # Paths that are none
    ("stimuli.path='~nobody_here/texts.csv'",): "stimuli.path",
    ("stimuli.neutral_path='~nobody_here/x.yaml'",): "stimuli.neutral_path",
    (*STORIES, "subparams.prompts_path='~nobody_here/x.yaml'"): "subparams.prompts_path",
    (*STEER, "steer.scenarios_path='~nobody_here/x.yaml'"): "steer.scenarios_path",
    ("paths.store='~nobody_here/store'",): "paths.store",
    ("paths.store=/proc/nothing",): "paths.store",
    ("paths.store=small.csv",): "paths.store",
    ("paths.store=/dev/null",): "paths.store",
    ("paths.store=" + "s" * 300,): "paths.store",
}


def cases(place: Place) -> list[Case]:
    """All of them; the first kind is refused before anything is computed."""
    found = []
    for overrides, named in {**TOO_MUCH, **WRONG}.items():
        own = [o for o in overrides if o not in (*STORIES, *STEER, *STUDY, *ABLATE, *SUMMARIZE)]
        base = next((o for o in overrides if o.startswith(("job=", "method="))), "")
        words = " ".join([base] * (base not in own) + [o if len(o) < 60 else short(o) for o in own])
        found.append(Case(words.strip(), (*SMALL, *overrides), (named,)))
    return found
