"""Launches and bytes of every tile are those that docs/gpu.md writes down."""

import re
from pathlib import Path

import numpy as np
import pytest

import maha_core as mc

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gpu.md"
EDGE = 40
WIDTHS = {"up to 64": 5, "above 64": 70}

PASSES = {
    "maha_product": 1,
    "maha_product, summing": 0,
    "maha_product, writing": 1,
    "maha_product, summing, writing": 1,
    "maha_epilogue": 2,
    "maha_epilogue, summing": 1,
    "maha_epilogue, writing": 2,
    "maha_epilogue, summing, writing": 2,
    "maha_moments": 0,
    "maha_clear": 0,
    "maha_without": 2,
}
"""How often our kernels read or write an array of the tile's size."""


def exponential(xp):
    def f(D):
        values = xp.exp(-D)
        return values, -values

    return f


LOSSES = {
    "MLKR": lambda gpu, y: mc.losses.MLKR(y),
    "NCA": lambda gpu, y: mc.losses.NCA(y.astype("int64")),
    "NCA(log=True)": lambda gpu, y: mc.losses.NCA(y.astype("int64"), log=True),
    "Pairwise(exp)": lambda gpu, y: mc.losses.Pairwise(lambda D: np.exp(-D), symmetric=True),
    "Pairwise(exp) of arrays": lambda gpu, y: mc.losses.Pairwise(exponential(gpu), symmetric=True),
}


def points(gpu, n, width, seed):
    values = np.random.default_rng(seed).standard_normal((n, width)).astype("float32")
    return gpu.asarray(values)


def counted(launches, shape):
    """Return the launches, and how often they pass over a tile."""
    sizes = sum(launch.shapes.count(shape) for launch in launches)
    return np.array([len(launches), sizes + sum(PASSES.get(name, 0) for name, _ in launches)])


def written_down(*cells):
    """Return the numbers of a row of the page's tables."""
    start = r" \| ".join(re.escape(cell) for cell in cells)
    row = re.search(rf"^\| {start} \| (\d+) \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert row, f"no row {cells}"
    return int(row[1]), int(row[2])


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_tile_of_a_loss(gpu, fake, name, width, monkeypatch):
    """Two, three, four blocks of points have 1, 3, 6 tiles above the diagonal.

    The second difference of what all takes is then that of one such tile.
    """
    from maha_cupy import every_pair

    monkeypatch.setattr(every_pair, "SUMMED", 1)  # else a sweep that only sums has larger tiles
    metric, found = mc.Factor(points(gpu, width, width, 2)), []
    for number in (2, 2, 3, 4):  # the first call of a process makes what later ones keep
        n = number * EDGE
        loss = LOSSES[name](gpu, (gpu.arange(n) % 3).astype("float32"))
        with (
            mc.options(tile_bytes=4 * EDGE * EDGE, check_finite=False),
            fake.work.recorded() as launches,
        ):
            mc.value_and_grad(loss, points(gpu, n, width, 0), metric=metric)
        found.append(counted(launches, (EDGE, EDGE)))
    kind = next(kind for kind, w in WIDTHS.items() if w == width)
    assert tuple(found[3] - 2 * found[2] + found[1]) == written_down(name, kind)


@pytest.mark.parametrize(
    ("width", "expected"), [(5, ["maha_product"]), (70, ["matmul", "maha_epilogue"])]
)
def test_D_is_written_by_one_kernel(gpu, fake, width, expected):
    """Nothing but these launches meets an array of D's size."""
    X = points(gpu, EDGE, width, 0)
    with mc.options(check_finite=False), fake.work.recorded() as launches:
        mc.sqdist(X)
    large = [
        launch.name for launch in launches if launch.name in PASSES or (EDGE, EDGE) in launch.shapes
    ]
    assert large == expected


def test_the_setup_of_a_call_is_bounded(gpu, fake):
    """What stands before the tiles is a number of small launches, whatever n is."""
    counts = set()
    for n in (EDGE, 4 * EDGE):
        X, out = points(gpu, n, 5, 0), gpu.empty((n, n), dtype="float32")
        with fake.work.recorded() as launches:
            mc.sqdist(X, metric=mc.Factor(points(gpu, 3, 5, 2)), out=out)
        counts.add(len(launches))
    (number,) = counts
    said = re.findall(r"\b(\d+) (?:launches of small work|small launches)", PAGE.read_text())
    assert said == [str(number)] * 2


@pytest.mark.parametrize("shape", [(40_000, 40_000), (10_000_000, 100), (100, 10_000_000)])
def test_a_grid_has_room_for_every_shape(gpu, shape):
    """Along its second axis a grid ends at 65,535 blocks, which would be 8.4 million rows."""
    from maha_cupy.tiles import BLOCK, grid

    (number,) = grid(shape)
    assert number * BLOCK * BLOCK >= shape[0] * shape[1]
    assert number < 2**31
