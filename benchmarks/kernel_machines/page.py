"""The results as a page of Markdown."""

from __future__ import annotations

from typing import Any

MIB = 2**20


def text(found: dict[str, Any]) -> str:
    """Return the page."""
    paragraphs = [
        "# Kernel machines",
        *_iteration(found["iteration"]),
        *_beside_torch(found["beside_torch"]),
        *_likelihood(found["likelihood"]),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _iteration(run: dict[str, Any]) -> list[str]:
    step = run["step"]
    return [
        f"## An RFM iteration at {run['n']} x {run['d']} in float32",
        f"Under a metric that fewer points have learned: {step['iterations']} iterations of "
        f"conjugate gradients to a relative residual of {step['residual']:.1e} took "
        f"{step['solve_seconds']:.0f} s, the gradients at all points "
        f"{step['gradient_seconds']:.0f} s, {_mib(step)} MiB above the points. The bare products "
        f"of the same iterations, whole matrices by tiles, take {step['bare_seconds']:.0f} s by "
        f"measurements before and after: {step['ratio']:.2f} times. {_load(run)}",
    ]


def _beside_torch(run: dict[str, Any]) -> list[str]:
    ours, theirs = run["ours"], run["torch"]
    return [
        f"## Beside the dense way in torch at {run['n']} x {run['d']} in float32",
        "| | seconds | MiB above the points |\n|---|---|---|\n"
        f"| maha_core, {ours['iterations']} iterations, relative residual "
        f"{ours['residual']:.1e} | {ours['seconds']:.0f} | {_mib(ours)} |\n"
        f"| K as a whole, `torch.linalg.solve` | {theirs['seconds']:.0f} | {_mib(theirs)} |",
        f"{run['ratio']:.1f} times as fast. {_load(run)}",
    ]


def _likelihood(run: dict[str, Any]) -> list[str]:
    beside = run["beside_exact"]
    return [
        f"## The likelihood of a Gaussian process of {run['n']} x {run['d']} in float64",
        f"Value and gradient by {run['probes']} probes: {run['evaluation']['seconds']:.0f} s, "
        f"{_mib(run['evaluation'])} MiB; means and standard deviations at 100 points: "
        f"{run['mean_and_std_of_100']['seconds']:.0f} s, {_mib(run['mean_and_std_of_100'])} MiB, "
        f"where K would take {run['n_by_n_bytes'] // MIB} MiB. {_load(run)}",
        f"At {beside['n']} points the estimate is {beside['estimated']:.1f} with a standard error "
        f"of {beside['standard_error']:.1f}; exactly it is {beside['exact']:.1f}. The gradient in "
        f"the metric is off by {100 * beside['gradient_off_by']:.1f} %.",
    ]


def _mib(found: dict[str, Any]) -> str:
    return f"{found['peak_bytes'] / MIB:.0f}"


def _load(run: dict[str, Any]) -> str:
    here = run["machine"]
    return f"({here['cpu']}, {here['cores']} cores, load {here['load_average'][0]}.)"
