"""The results as a page of Markdown, with the published figures beside them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Matrix = NDArray[np.float64]
NEIGHBORS = (3, 5, 7)


class Run(NamedTuple):
    """A run: the name of its files, and in words where it is, in the title and in full."""

    name: str
    title: str
    protocol: str


def text(found: dict[str, Any], published: Path | None, run: Run) -> str:
    """Return the whole page; without published figures where they are of other points."""
    here = found["machine"]
    names = list(found["sets"])
    versions = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    return "\n".join(
        [
            f"# Accuracy of every learner {run.title}\n",
            f"Test accuracy of k nearest neighbours, mean of {len(names)} data sets of KEEL, "
            f"{run.protocol}. Columns are scaled to 0 to 1. Learners see training folds only. "
            "Ranks are among our learners, 1 for the best.\n",
            *_own(found),
            *_unfinished(found),
            *(_beside(found, published) if published else []),
            "\n## 3 nearest neighbours, by data set\n",
            *_by_set(found),
            f"\nMeasured on {here['cpu']}, {here['cores']} cores, load {here['load_average']}; "
            f"{versions}.\n",
        ]
    )


def table(found: dict[str, Any], k: int) -> tuple[list[str], Matrix]:
    """Return names of learners, and accuracies (sets, learners)."""
    rows = [row["learners"] for row in found["sets"].values()]
    learners = [name for name in rows[0] if all(name in row for row in rows)]
    return learners, np.array([[row[name][f"{k}-NN"] for name in learners] for row in rows])


def ranks(found: dict[str, Any]) -> dict[str, float]:
    """Return mean ranks of our learners by 3 nearest neighbours."""
    learners, accuracy = table(found, 3)
    return dict(zip(learners, _ranked(accuracy).mean(axis=0).tolist(), strict=True))


def _ranked(accuracy: Matrix) -> Matrix:
    failed = np.nan_to_num(np.round(accuracy, 6), nan=-1.0)  # a figure that is missing is last
    return np.asarray(rankdata(-failed, axis=1))


def _unfinished(found: dict[str, Any]) -> list[str]:
    """Return a note on learners that were measured on some of the sets only."""
    rows = {name: row["learners"] for name, row in found["sets"].items()}
    some = dict.fromkeys(learner for row in rows.values() for learner in row)
    lines = []
    for learner in some:
        on = [f"{name} {row[learner]['3-NN']:.4f}" for name, row in rows.items() if learner in row]
        if len(on) < len(rows):
            lines.append(f"\n{learner} was measured on these sets only, 3-NN: {', '.join(on)}.")
    return lines


def _own(found: dict[str, Any]) -> list[str]:
    head = ["| learner | 3-NN | 5-NN | 7-NN | mean rank | seconds of a fit, median | refused |"]
    lines = [*head, "|---|---|---|---|---|---|---|"]
    learners = table(found, 3)[0]
    means = {k: table(found, k)[1].mean(axis=0) for k in NEIGHBORS}
    mean_ranks = ranks(found)
    rows = [row["learners"] for row in found["sets"].values()]
    for i, name in sorted(enumerate(learners), key=lambda each: mean_ranks[each[1]]):
        seconds = np.median([row[name]["seconds"] for row in rows])
        refused = sum(bool(row[name]["refused"]) for row in rows)
        lines.append(
            f"| {name} | "
            + " | ".join(f"{means[k][i]:.4f}" for k in NEIGHBORS)
            + f" | {mean_ranks[name]:.2f} | {seconds:.2g} | {refused or ''} |"
        )
    note = (
        "Refused: on so many sets a fold's scatter was singular; the distance there is Euclidean."
    )
    return [*lines, f"\n{note}"]


def _beside(found: dict[str, Any], published: Path) -> list[str]:
    lines = [
        "\n## Beside published figures\n",
        "What Suárez, García & Herrera (2021) published for their own implementations, and the "
        "rank among their 12 methods: theirs, and that of ours in its place.\n",
        "| learner | neighbours | published | ours | published rank | ours in its place |",
        "|---|---|---|---|---|---|",
    ]
    for k in NEIGHBORS:
        with (published / f"knn{k}_test_accuracy.csv").open() as file:
            rows = {row["data set"]: row for row in csv.DictReader(file)}
        methods = [name for name in next(iter(rows.values())) if name != "data set"]
        theirs = np.array([[float(rows[s][m] or "nan") for m in methods] for s in found["sets"]])
        learners, ours = table(found, k)
        for name in (each for each in learners if _published(each) in methods):
            column, own = methods.index(_published(name)), ours[:, learners.index(name)]
            replaced = theirs.copy()
            replaced[:, column] = np.round(own, 4)  # as theirs are, so that equal ones tie
            was, now = (_ranked(each)[:, column].mean() for each in (theirs, replaced))
            accuracy = f"{np.nanmean(theirs[:, column]):.4f} | {own.mean():.4f}"
            lines.append(f"| {name} | {k} | {accuracy} | {was:.2f} | {now:.2f} |")
    return lines


def _published(name: str) -> str:
    """Return the name of the method that a learner stands beside."""
    return name.partition(",")[0]


def _by_set(found: dict[str, Any]) -> list[str]:
    learners, accuracy = table(found, 3)
    lines = ["| data | n | d | " + " | ".join(learners) + " |", "|---" * (len(learners) + 3) + "|"]
    for (name, row), values in zip(found["sets"].items(), accuracy, strict=True):
        cells = " | ".join(f"{value:.3f}" for value in values)
        lines.append(f"| {name} | {row['n']} | {row['d']} | {cells} |")
    return lines
