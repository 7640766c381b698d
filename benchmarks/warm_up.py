"""The first call of every contestant, in which some compile, and by which they are compared."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.agreement import disagreement, sample
from benchmarks.contestants.roster import OURS, Factory, Job
from benchmarks.problem import Problem


@dataclass
class Ready:
    """The jobs that have run, how far their answers lie from ours, and why others failed."""

    jobs: dict[str, Job] = field(default_factory=dict)
    differences: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def warm_up(factories: dict[str, Factory], problem: Problem) -> Ready:
    """Prepare and run everybody; a contestant that fails (no compiler, no memory) stays out."""
    ready = Ready()
    answers: dict[str, np.ndarray] = {}
    for name, prepare in factories.items():
        try:
            job = prepare(problem)
            answer = sample(job, job.run())
        except Exception as error:
            if name == OURS:
                raise
            ready.failures[name] = f"{type(error).__name__}: {error}"
            continue
        ready.jobs[name] = job
        if answer is not None:
            answers[name] = answer
    ours = answers.pop(OURS)
    ready.differences = {name: disagreement(ours, answer) for name, answer in answers.items()}
    return ready
