"""The summary of listed runs: which are used, and everything that is computed from their files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from emo.config import vector_settings
from emo.config.schema import RunConfig
from emo.core.records import StimulusSet
from emo.runs.listing import RunListing
from emo.summary.assemble import Summary, summarise
from emo.summary.loading import Files
from emo.summary.selection import Wanted, select
from emo.summary.sets import selections
from emo.summary.specificity import other_label


def summary_of(
    config: RunConfig,
    stimuli: StimulusSet,
    runs: Sequence[RunListing],
    steering: Sequence[RunListing],
    files: Callable[[RunListing], Files],
    made: Collection[str] = (),
    methods: Sequence[RunListing] = (),
    behave: Sequence[RunListing] = (),
) -> Summary:
    """The summary of the runs that fit a config.

    Parameters
    ----------
    runs, steering
        Extractions and steering runs as a store lists them, newest first.
    files
        What reads the files of a run.
    made
        Ids of the runs that were made for the summary: it is of their models alone, unless
        ``job.summarize.models`` names others.
    methods
        Runs of job=methods, newest first.
    behave
        Runs of job=behave, newest first.

    Raises
    ------
    EmoError
        If no run is there to be summarised.
    """
    wanted = Wanted.by(config, stimuli.sha256)
    if wanted.models is None and made:
        wanted = replace(wanted, models=tuple({r.model for r in runs if r.run_id in made}))
    elsewhere = replace(wanted, vectors=vector_settings.values_of(other_label(config)))
    return summarise(
        config,
        select(runs, wanted),
        stimuli,
        files,
        steering,
        selections(config, runs, wanted),
        select(runs, elsewhere).models,
        methods,
        behave,
    )
