"""Whether the contestants compute the same thing: a quick answer to another question is no feat."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contestants.roster import Job

ROWS = 64  # of a long answer, which are enough


def sample(job: Job, result: Any) -> np.ndarray | None:
    """Return the part of an answer to keep, in float64; None for what answers nothing."""
    if job.answer is None:
        return None
    return np.array(job.answer(result[:ROWS] if hasattr(result, "shape") else result), np.float64)


def disagreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference over the largest entry."""
    rows = min(len(ours), len(theirs))
    ours, theirs = ours[:rows], theirs[:rows]
    return float(np.max(np.abs(ours - theirs)) / np.max(np.abs(ours)))
