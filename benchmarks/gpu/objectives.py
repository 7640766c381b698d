"""A loss and its gradient beside autograd on the same GPU, and where autograd cannot start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.gpu.page import UNMEASURED

D, K, DTYPE = 64, 64, "float32"
FLOORS = {"torch": 3.0, "jax": 1.5}
GIBIBYTE = 2**30
MOST_WORKSPACE = 1.0
LOSSES = ("pairwise", "pairwise, arrays", "mlkr")


def unmeasured(n: int) -> list[dict[str, Any]]:
    return [_row(name, n, None, None, dict.fromkeys(FLOORS)) for name in LOSSES]


def unmeasured_alone(n: int) -> list[dict[str, Any]]:
    return [_row(name, n, None, None, {}) for name in LOSSES]


def rows(n: int) -> list[dict[str, Any]]:
    """Beside torch and JAX, where they find the GPU."""
    return [_measured(name, n) for name in LOSSES]


def alone(n: int) -> list[dict[str, Any]]:
    """At a size where D would not fit: it runs to the end."""
    from benchmarks.gpu import clock

    found = []
    for name in LOSSES:
        ours = _ours(name, *data(n))
        seconds = clock.seconds({"ours": ours}, rounds=1)["ours"]
        found.append(_row(name, n, seconds, clock.workspace(ours), {}))
    return found


def _measured(name: str, n: int) -> dict[str, Any]:
    import cupy as cp

    from benchmarks.gpu import clock, others

    X, y, A = data(n)
    ours = _ours(name, X, y, A)
    seconds, used = clock.seconds({"ours": ours})["ours"], clock.workspace(ours)
    given = tuple(map(cp.asnumpy, (X, y, A)))
    cp.get_default_memory_pool().free_all_blocks()
    theirs = {library: measure(name, *given) for library, measure in others.entered().items()}
    return _row(name, n, seconds, used, {library: theirs.get(library) for library in FLOORS})


def _row(
    name: str,
    n: int,
    seconds: float | None,
    used: int | None,
    theirs: dict[str, tuple[float, int] | None],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "loss": name,
        "n": n,
        "D GiB": 4 * n * n / GIBIBYTE,
        "seconds": UNMEASURED if seconds is None else seconds,
        "workspace GiB": UNMEASURED if used is None else used / GIBIBYTE,
        "workspace below": MOST_WORKSPACE,
    }
    for library, found in theirs.items():
        times = None if found is None or seconds is None else found[0] / seconds
        row[f"{library}'s seconds"] = UNMEASURED if found is None else found[0]
        row[f"{library}'s GiB"] = UNMEASURED if found is None else found[1] / GIBIBYTE
        row[f"times as fast as {library}"] = UNMEASURED if times is None else times
        row[f"at least ({library})"] = FLOORS[library]
    return row


def data(n: int) -> tuple[Any, Any, Any]:
    """Return points, targets, and a factor of distances near 1."""
    import cupy as cp

    rng = cp.random.default_rng(0)
    X = rng.standard_normal((n, D)).astype(DTYPE)
    A = (rng.standard_normal((K, D)) / D).astype(DTYPE)
    return X, rng.standard_normal(n).astype(DTYPE), A


def _ours(name: str, X: Any, y: Any, A: Any) -> Callable[[], Any]:
    import maha_core as mc

    loss, metric = _loss(name, y), mc.Factor(A)
    return lambda: mc.value_and_grad(loss, X, metric=metric)


def _loss(name: str, y: Any) -> Any:
    import maha_core as mc

    if name == "mlkr":
        return mc.losses.MLKR(y)
    f = _of_arrays if name.endswith("arrays") else _exponential
    return mc.losses.Pairwise(f, symmetric=True)


def _exponential(distances: Any) -> Any:
    import numpy as np

    return np.exp(-distances)


def _of_arrays(distances: Any) -> tuple[Any, Any]:
    import cupy as cp

    values = cp.exp(-distances)
    return values, -values
