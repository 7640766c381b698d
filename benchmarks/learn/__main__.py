"""Run the comparisons, and write them as JSON and as a page of tables."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.learn import (
    accuracy,
    beside_metric_learn,
    cluster,
    growth,
    large,
    mini_batches,
    nca,
    neighbors,
    page,
    penalty,
    solvers,
    tuples,
)

RESULTS = Path(__file__).parents[1] / "results"
PARTS = {
    "nca": nca.compare,
    "large": large.measure,
    "cluster": cluster.measure,
    "example": accuracy.documented_example,
    "regression": accuracy.regression,
    "accuracy": accuracy.table,
    "neighbors": neighbors.measure,
    "penalty": penalty.measure,
    "solvers": solvers.compare,
    "mini_batches": mini_batches.measure,
}

BESIDE = ("mlkr", "lmnn", "tuples", "tuple_times")
"""What needs a Python with metric-learn."""


def main() -> None:
    chosen = _arguments()
    parts = {**PARTS, "growth": lambda: growth.measure(chosen.metric_learn)}
    if chosen.metric_learn:
        parts["mlkr"] = lambda: beside_metric_learn.mlkr(chosen.metric_learn)
        parts["tuples"] = lambda: tuples.agreement(chosen.metric_learn)
        parts["tuple_times"] = lambda: tuples.times(chosen.metric_learn)
        parts["lmnn"] = lambda: beside_metric_learn.lmnn(chosen.metric_learn)
    target = chosen.output / "learn.json"
    found: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    for name in chosen.only or parts:
        here = machine.describe()
        found[name] = {"found": parts[name](), "machine": here}
        print(json.dumps(found[name]["found"], indent=1), flush=True)
        chosen.output.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(found, indent=1) + "\n")
        (chosen.output / "learn.md").write_text(page.text(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learn", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*PARTS, "growth", *BESIDE])
    beside_metric_learn.add_python(parser)
    parser.add_argument("--output", type=Path, default=RESULTS, help="a folder for the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
