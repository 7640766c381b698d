"""What the project promised of its speed and memory, and whether a run kept it.

Nothing here fails: a floor that is not met is printed as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks.cases import cases
from benchmarks.contestants.roster import BY_HAND, LIMIT, OURS, library
from benchmarks.problem import VECTORS
from benchmarks.timing import quickest_ratio, ratio

if TYPE_CHECKING:
    from benchmarks.tables import Row

OVER_PRODUCT = {
    "float64": {3: 2.5, 16: 1.4, 64: 1.25, 256: 1.0},
    "float32": {3: 1.2, 16: 1.2, 64: 1.25, 256: 1.0},
}
FASTER_THAN_BEST = {3: 3.0, 16: 3.0, 64: 2.5, 256: 1.5}
FASTER_THAN_SCIPY = {64: 100.0}
GUARD = 1.1
MEMORY_MiB = 64.0
AUTOGRAD = {  # operation: times faster than torch, than JAX
    "pairwise": {"float64": (4.0, 2.0), "float32": (4.0, 2.0)},
    "mlkr": {"float64": (12.0, 5.0), "float32": (11.0, 4.5)},
    "vjp": {"float64": (2.0, 1.5), "float32": (2.0, 1.5)},
}
KERNEL_PRODUCT = {"keops": 10.0, "torch": 3.0}
KERNEL_OVER_PRODUCTS = 1.6
KERNEL_MEMORY_MiB = 100.0
SMALL_MLKR = (1.5, 1.5)
SMALL_POINTS = 500
SMALL_CALL = 1.3
NEIGHBOURS = {"float32": (1.0, 1.5), "float64": (None, 1.5)}  # times faster than FAISS, sklearn
FEW_NEIGHBOURS = {"float32": (1.2, 1.2), "float64": (None, 1.5)}  # of so few points
FEW_POINTS = 1000
WITHIN = 2.0
FILLINGS = 1.5  # D is touched once; the rest is room for tiles
FILLING = "numpy, filling D"


@dataclass(frozen=True)
class Verdict:
    """A measured figure beside the floor; `floor` None where nothing was promised.

    A ratio of times is the median over rounds; `quickest` is that of the quickest rounds. `applies`
    is False where the floor was promised for other sizes.
    """

    what: str
    measured: float
    floor: float | None = None
    sense: Literal["at least", "at most"] = "at least"
    quickest: float | None = None
    applies: bool = True

    @property
    def met(self) -> bool | None:
        if self.floor is None or not self.applies:
            return None
        if self.sense == "at least":
            return self.measured >= self.floor
        return self.measured <= self.floor


def verdicts(row: Row) -> list[Verdict]:
    by_operation = {
        "sqdist": _sqdist,
        "sqdist-without-out": _without_out,
        "small-sqdist": _small,
        "kernel-product": _kernel_product,
        "nearest": _nearest,
        "within": _within,
    }
    found = by_operation.get(row.case.operation, _gradient)(row)
    applies = row.case in cases()
    return [replace(verdict, applies=applies) for verdict in found]


def _sqdist(row: Row) -> Iterator[Verdict]:
    d, over = row.case.d, OVER_PRODUCT[row.case.dtype]
    yield _slower(row, OURS, LIMIT, "time over the bare product", over.get(d))
    yield from _faster(row, ("sklearn", "torch", "jax"), FASTER_THAN_BEST.get(d))
    if BY_HAND in row.times:
        yield _faster_than(row, BY_HAND, None)  # not what a user would pick, and without a guard
    yield from _faster(row, ("scipy",), FASTER_THAN_SCIPY.get(d))
    yield _slower(row, OURS, f"{OURS}, guard off", "time over that without the guard", GUARD)


def _without_out(row: Row) -> Iterator[Verdict]:
    yield _slower(row, OURS, LIMIT, "time over the bare product")
    yield from _faster(row, ("sklearn", "torch", "jax"), None)
    paid = median(
        (without - given) / filling
        for without, given, filling in zip(
            row.times[OURS], row.times[f"{OURS}, with out"], row.times[FILLING], strict=True
        )
    )
    yield Verdict("fillings of D paid more than with out", paid, FILLINGS, "at most")
    if row.memory is not None:
        size = row.case.n**2 * np.dtype(row.case.dtype).itemsize
        yield Verdict("peak memory over the size of D", row.memory / size, FILLINGS, "at most")


def _small(row: Row) -> Iterator[Verdict]:
    for name in (OURS, f"{OURS}, new Factor"):
        yield _slower(row, name, "numpy", f"{name}: time over three lines", SMALL_CALL)


def _kernel_product(row: Row) -> Iterator[Verdict]:
    for name, floor in KERNEL_PRODUCT.items():
        yield from _faster(row, (name,), floor)
    yield _slower(row, OURS, LIMIT, "time over the bare products", KERNEL_OVER_PRODUCTS)
    if row.memory is not None:
        result = row.case.n * VECTORS * np.dtype(row.case.dtype).itemsize
        used = (row.memory - result) / 2**20
        yield Verdict("MiB above inputs and result", used, KERNEL_MEMORY_MiB, "at most")


def _nearest(row: Row) -> Iterator[Verdict]:
    floors = FEW_NEIGHBOURS if row.case.n <= FEW_POINTS else NEIGHBOURS
    faiss, sklearn = floors[row.case.dtype]
    yield from _faster(row, ("faiss",), faiss)
    yield from _faster(row, ("sklearn",), sklearn)


def _within(row: Row) -> Iterator[Verdict]:
    yield from _faster(row, ("sklearn",), WITHIN)


def _gradient(row: Row) -> Iterator[Verdict]:
    small = row.case.n <= SMALL_POINTS
    torch, jax = SMALL_MLKR if small else AUTOGRAD[row.case.operation][row.case.dtype]
    yield from _faster(row, ("torch",), torch)
    yield from _faster(row, ("jax",), jax)
    yield from _faster(row, ("keops",), None)
    yield _slower(row, OURS, LIMIT, "time over the bare products")
    if row.memory is not None:
        floor = None if small else MEMORY_MiB
        yield Verdict("MiB above inputs", row.memory / 2**20, floor, "at most")


def _faster(row: Row, libraries: tuple[str, ...], floor: float | None) -> Iterator[Verdict]:
    """Compare with the best usual form of these libraries; nothing where none takes part."""
    found = [name for name in row.times if library(name) in libraries and name != BY_HAND]
    if found:
        best = min(found, key=lambda name: ratio(row.times, name, OURS))
        yield _faster_than(row, best, floor)


def _faster_than(row: Row, name: str, floor: float | None) -> Verdict:
    quickest = quickest_ratio(row.times, name, OURS)
    measured = ratio(row.times, name, OURS)
    return Verdict(f"times faster than {name}", measured, floor, quickest=quickest)


def _slower(row: Row, name: str, over: str, what: str, floor: float | None = None) -> Verdict:
    quickest = quickest_ratio(row.times, name, over)
    return Verdict(what, ratio(row.times, name, over), floor, "at most", quickest)
