"""Launches and bytes of every tile are those that docs/gpu.md writes down."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import maha_core as mc

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gpu.md"
EDGE = 40
WIDTHS = {"up to 64": 5, "above 64": 70}

PASSES = {
    "maha_product": 1,
    "maha_epilogue": 2,
    "maha_pass": 1,
    "maha_pass, writing": 2,
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
    "Pairwise(exp)": lambda gpu, y: mc.losses.Pairwise(exponential(gpu)),
    "Pairwise(exp, cuda=...)": lambda gpu, y: mc.losses.Pairwise(
        exponential(gpu), cuda=("exp(-D)", "-exp(-D)")
    ),
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


def row_blocks(gpu, width, number):
    """Return points, no others, and the shape of a tile: a loss that takes whole rows."""
    n = 4 * EDGE
    return points(gpu, n, width, 0), None, (n // number, n)


def squares(gpu, width, number):
    """Return points and others of which a block of rows meets so many blocks of columns."""
    others = points(gpu, number * EDGE, width, 1)
    return points(gpu, EDGE, width, 0), others, (EDGE, EDGE)


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_tile_of_a_loss(gpu, fake, name, width):
    """What four tiles take more than two is of two tiles."""
    metric, found = mc.Factor(points(gpu, width, width, 2)), []
    for number in (2, 4):
        loss = LOSSES[name](gpu, (gpu.arange(4 * EDGE) % 3).astype("float32"))
        cut = row_blocks if loss.row_wise else squares
        X, Y, shape = cut(gpu, width, number)
        with (
            mc.options(tile_bytes=4 * shape[0] * shape[1], check_finite=False),
            fake.work.recorded() as launches,
        ):
            mc.value_and_grad(loss, X, Y, metric=metric)
        found.append(counted(launches, shape))
    kind = next(kind for kind, w in WIDTHS.items() if w == width)
    assert tuple((found[1] - found[0]) / 2) == written_down(name, kind)


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
    assert f"{number} launches" in PAGE.read_text()


@pytest.mark.parametrize("shape", [(40_000, 40_000), (10_000_000, 100), (100, 10_000_000)])
@pytest.mark.parametrize("file", ["product", "epilogue"])
def test_a_grid_has_room_for_every_shape(gpu, monkeypatch, file, shape):
    """Along its second axis a grid ends at 65,535 blocks, which would be 8.4 million rows."""
    from maha_cupy import tiles

    grids = []
    monkeypatch.setattr(tiles, "launch", lambda *arguments: grids.append(arguments[3]))
    block = {"product": tiles.PRODUCT_BLOCK, "epilogue": tiles.EPILOGUE_BLOCK}[file]
    tiles._launch(file, SimpleNamespace(shape=shape, dtype=np.dtype("float32")), block)
    (number,) = grids[-1]
    assert number * block[0] * block[1] >= shape[0] * shape[1]
    assert number < 2**31
