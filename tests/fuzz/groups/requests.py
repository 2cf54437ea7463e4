"""Values of the right type that no job can make sense of, or that ask for more than there can be."""

from __future__ import annotations

from tests.fuzz.case import Case
from tests.fuzz.drawing import short
from tests.fuzz.place import ABLATE, BEHAVE, SMALL, STEER, STORIES, STUDY, SUMMARIZE, Place

HUGE = 10**12
TASKS = (*BEHAVE, "job.behave.facets=[procedural]")
STEERED = (*BEHAVE, "job.behave.steer.emotion=calm")

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
    (*STEER, f"job.steer.max_new_tokens={10**9}"): "job.steer.max_new_tokens",
    (*STEER, "job.steer.layers=0-99999999999"): "job.steer.layers",
    (*BEHAVE, f"job.behave.gate={HUGE}"): "job.behave.gate",
    (*BEHAVE, f"job.behave.max_new_tokens={10**9}"): "job.behave.max_new_tokens",
    (*ABLATE, f"job.ablate.samples=[{10**9},1]"): "job.ablate.samples",
    (*ABLATE, f"job.ablate.tokens=[{10**9},4]"): "job.ablate.tokens",
    ("job=summarize", f"job.summarize.permutations={HUGE}"): "job.summarize.permutations",
    ("job=summarize", f"job.summarize.n_bootstrap={HUGE}"): "job.summarize.n_bootstrap",
    ("job=axes", f"job.axes.permutations={HUGE}"): "job.axes.permutations",
    ("job=axes", f"job.axes.components={HUGE}"): "job.axes.components",
    (
        *STUDY,
        "job.sensitivity.n_trials=2",
        f"job.sensitivity.space={{samples:[1,{10**9}]}}",
    ): "samples",
    (
        *STUDY,
        "job.sensitivity.n_trials=2",
        f"job.sensitivity.space={{max_new_tokens:[4,{10**9}]}}",
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
    (*STORIES, "job=methods"): "method",
    ("job=methods", "job.methods.depth=1.01"): "job.methods.depth",
    ("job=methods", "job.methods.depth=nan"): "job.methods.depth",
    ("job=methods", "job.methods.estimators=[]"): "job.methods.estimators",
    (*STORIES, "job=equivalence"): "method",
    ("method.readout=suffix", "method.suffix=' '"): "method.suffix",
    ("method.readout=suffix", "method.suffix=" + "so " * 2000): "method.suffix",
    ("job=validate", "job.validate.layer=99"): "job.validate.layer",
    ("job=validate", "job.validate.which=[]"): "job.validate.which",
    ("job=validate", "job.validate.run=0123abcd"): "job.validate.run",
    ("job=validate", f"job.validate.permutations={HUGE}"): "job.validate.permutations",
    ("job=validate", "vectors.projection=z_score"): "vectors.projection",
    # Texts that are read
    ("job=read", "text=a", "job.read.layers=99"): "job.read.layers",
    ("job=read", "text=a", "job.read.run=0123abcd"): "job.read.run",
    ("job=read", "text=" + "so " * 2000): "job.read.text",
    ("text=a",): "job.read.text",
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
    (*SUMMARIZE, "job.summarize.models=[nobody]"): "job.summarize.models",
    (*SUMMARIZE, "job.summarize.models=[]"): "job.summarize.models",
    (*SUMMARIZE, "job.summarize.models=[[tiny]]"): "job.summarize.models",
    (*SUMMARIZE, "job.summarize.models=['']"): "job.summarize.models",
    (*SUMMARIZE, "job.summarize.make=[Z]"): "job.summarize.make",
    (*SUMMARIZE, "stimuli.path=prompts.yaml"): "stimuli.path",
    (*SUMMARIZE, "method.readout=mean"): "readout",
    # Steering
    (*STEER, "job.steer.layers=99"): "job.steer.layers",
    (*STEER, "job.steer.layers=-1"): "job.steer.layers",
    (*STEER, "job.steer.layers=3-1"): "job.steer.layers",
    (*STEER, "job.steer.layers=[]"): "job.steer.layers",
    (*STEER, "job.steer.layers=null"): "job.steer.layers",
    (*STEER, "job.steer.layers=first"): "job.steer.layers",
    (*STEER, "job.steer.layers=[0,0]"): "job.steer.layers",
    (*STEER, "job.steer.layers={a:1}"): "job.steer.layers",
    (*STEER, "job.steer.layers=[[0,[1]]]"): "job.steer.layers",
    (*STEER, "job.steer.layers=1.5"): "job.steer.layers",
    (*STEER, "job.steer.layers='0-'"): "job.steer.layers",
    (*STEER, "job.steer.strengths=[]"): "job.steer.strengths",
    (*STEER, "job.steer.strengths=[-0.1]"): "job.steer.strengths",
    (*STEER, "job.steer.strengths=[0.1,0.1]"): "job.steer.strengths",
    (*STEER, "job.steer.strengths=[nan]"): "job.steer.strengths",
    (*STEER, "job.steer.strengths=[inf,0.1]"): "job.steer.strengths",
    (*STEER, "job.steer.emotions=[]"): "job.steer.emotions",
    (*STEER, "job.steer.emotions=[nostalgic]"): "job.steer.emotions",
    (*STEER, "job.steer.emotions=[calm,calm]"): "job.steer.emotions",
    (*STEER, "job.steer.scenarios=[three]"): "job.steer.scenarios",
    (*STEER, "job.steer.scenarios=[]"): "job.steer.scenarios",
    (*STEER, "job.steer.scenarios=[one,one]"): "job.steer.scenarios",
    (*STEER, "job.steer.controls=[opposite,opposite]"): "job.steer.controls",
    (*STEER, "job.steer.judge=hf"): "job.steer.judge_model",
    (*STEER, "job.steer.judge=hf", "job.steer.judge_model=nothing"): "job.steer.judge_model",
    (*STEER, "job.steer.judge=hf", "job.steer.judge_model=small.csv"): "job.steer.judge_model",
    (*STEER, "job.steer.judge=hf", "job.steer.judge_model=conf"): "job.steer.judge_model",
    (*STEER, "job.steer.run=0123456789abcdef0123456789abcdef"): "job.steer.run",
    (*STEER, "job.steer.run=nothing"): "job.steer.run",
    (*STEER, "job.steer.run='%'"): "job.steer.run",
    # Behaviour
    (*BEHAVE, "job.behave.facts=[capital]"): "job.behave.facts",
    (*BEHAVE, "job.behave.facts=[]"): "job.behave.facts",
    (*BEHAVE, "job.behave.arms=[order]"): "job.behave.arms",
    (*BEHAVE, "job.behave.arms=[control,control]"): "job.behave.arms",
    (*BEHAVE, "job.behave.arms=[]"): "job.behave.arms",
    (*BEHAVE, "job.behave.format=chat"): "job.behave.format",
    (*BEHAVE, "job.behave.samples=2"): "job.behave.samples",
    (*BEHAVE, "job.behave.temperature=0"): "job.behave.temperature",
    (*BEHAVE, "job.behave.max_new_tokens=500"): "job.behave.max_new_tokens",
    (*BEHAVE, "method=generation"): "method",
    (*BEHAVE, "job.behave.facets=[]"): "job.behave.facets",
    (*BEHAVE, "job.behave.facets=[moral]"): "job.behave.facets",
    (*BEHAVE, "job.behave.constraints=[no_the]"): "job.behave.constraints",
    (*TASKS, "job.behave.constraints=[no_a]"): "job.behave.constraints",
    (*TASKS, "job.behave.constraints=[]"): "job.behave.constraints",
    (*TASKS, "job.behave.task_tokens=500"): "job.behave.task_tokens",
    (*BEHAVE, "job.behave.steer.strength=0.5"): "job.behave.steer.emotion",
    (*STEERED, "job.behave.steer.strength=0"): "job.behave.steer.strength",
    (*STEERED, "job.behave.steer.layers=[0,1]"): "job.behave.steer.layers",
    (*STEERED, "job.behave.steer.layers=99"): "job.behave.steer.layers",
    (*STEERED, "job.behave.steer.run=nothing"): "job.behave.steer.run",
    (*BEHAVE, "job.behave.steer.emotion=envy"): "job.behave.steer.emotion",
    # Ablation and precision
    (*ABLATE, "job.ablate.samples=[1]"): "job.ablate.samples",
    (*ABLATE, "job.ablate.samples=[1,1]"): "job.ablate.samples",
    (*ABLATE, "job.ablate.samples=[0,1]"): "job.ablate.samples",
    (*ABLATE, "job.ablate.tokens=[6,4,2]"): "job.ablate.tokens",
    (*ABLATE, "job.ablate.tokens=[]"): "job.ablate.tokens",
    (*ABLATE, "job.ablate.emotions=2"): "job.ablate.emotions",
    ("job=precision", "job.precision.precisions=[]"): "job.precision.precisions",
    ("job=precision", "job.precision.precisions=[bf16,bf16]"): "job.precision.precisions",
    ("job=precision", "job.precision.situations=1"): "job.precision.situations",
    # Paths that are none
    ("stimuli.path='~nobody_here/texts.csv'",): "stimuli.path",
    ("stimuli.neutral_path='~nobody_here/x.yaml'",): "stimuli.neutral_path",
    ("stimuli.poles='~nobody_here/x.yaml'",): "stimuli.poles",
    (*STORIES, "subparams.prompts_path='~nobody_here/x.yaml'"): "subparams.prompts_path",
    (*STORIES, "emotions.path='~nobody_here/x.txt'"): "emotions.path",
    (*STORIES, "emotions.name=frontier170"): "emotions.name",
    (*STORIES, "subparams.prompts=topics", "subparams.topics=101"): "subparams.topics",
    (*STORIES, "subparams.with_prompt=false"): "subparams.with_prompt",
    ("emotions=frontier171",): "emotions",
    (*STEER, "job.steer.scenarios_path='~nobody_here/x.yaml'"): "job.steer.scenarios_path",
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
