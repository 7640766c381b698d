"""The results as a page of Markdown."""

from __future__ import annotations

from typing import Any

MIB = 2**20
TITLES = {
    "nca": "NCA beside scikit-learn's",
    "large": "Where others cannot start",
    "cluster": "MLKR on a cluster of processes",
    "mlkr": "MLKR beside metric-learn's",
    "lmnn": "LMNN beside metric-learn's",
    "tuples": "Other learners beside metric-learn's: results and losses at the same input",
    "tuple_times": "Other learners beside metric-learn's: processor time, 5000 x 20, 5 classes",
    "example": "scikit-learn's documented example: digits, 2 components, 3 neighbours",
    "regression": "Kernel regression on diabetes: R2, mean of 5 folds",
    "penalty": "MLKR as it comes beside the best bandwidth: R2, mean of 5 folds",
    "solvers": "L-BFGS beside Newton's method in a trust region",
    "mini_batches": "NCA by mini-batches of a million points beside the full batch",
    "accuracy": "3 nearest neighbours: accuracy, mean of 5 stratified folds",
}


def text(found: dict[str, Any]) -> str:
    """Return the whole page."""
    parts = ["# Learning a metric: what was measured\n"]
    for name, title in TITLES.items():
        if name in found:
            body = _table if name in ("accuracy", "penalty") else _lines
            parts += [f"## {title}\n", *body(found[name]["found"]), "", _machine(found[name])]
    return "\n".join(parts) + "\n"


def _lines(found: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in found.items():
        name = key.replace("_", " ")
        if isinstance(value, dict):
            lines += [f"{indent}* {name}:", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}* {name}: {_number(value)}")
    return lines


def _number(value: Any) -> str:
    if isinstance(value, int) and value >= MIB:
        return f"{value / MIB:.0f} MiB"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(found: dict[str, Any]) -> list[str]:
    names = list(next(iter(found.values())))
    head = ["| data | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    rows = [
        f"| {data} | " + " | ".join(f"{row[name]:.3f}" for name in names) + " |"
        for data, row in found.items()
    ]
    return head + rows


def _machine(part: dict[str, Any]) -> str:
    here = part["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    where = f"{here['cpu']}, {here['cores']} cores, load {here['load_average']}"
    return f"Measured on {where}; {versions}.\n"
