"""The change of a loss's cotangent along a direction of D.

``dG_ij = sum_p [dg_p ds_p/dD_ij + g_p d(ds_p/dD_ij)]`` with ``g_p = d rho / d s_p`` and
``dg_p = sum_q (d2 rho / d s_p d s_q) ds_q``: it needs the tangents ``ds = sum_j (ds/dD_ij) dD_ij``
of whole rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from maha_core.expressions.algebra import plus
from maha_core.expressions.operation import number
from maha_core.formulas import plus as sum_of
from maha_core.reductions.listed_sum import ListedSum
from maha_core.tiles.tile import Second

if TYPE_CHECKING:
    from maha_core.expressions import Expression
    from maha_core.reductions.base import Reduction
    from maha_core.sweeps.row_function import RowFunction
    from maha_core.tiles.term import Term
    from maha_core.tiles.tile import Summary, Tile

Array = Any


def tangents(
    reductions: Mapping[str, Reduction], tile: Tile, summary: Summary, dD: Array
) -> Summary:
    """Return a tile's part of the tangents of the reductions."""
    both = zip(reductions.values(), summary, strict=True)
    return tuple(reduction.tangent(tile, pieces, dD) for reduction, pieces in both)


def added(a: Summary, b: Summary) -> Summary:
    """Return the sum of the tangents of two parts of the same rows."""
    return tuple(
        tuple(x + y for x, y in zip(one, other, strict=True))
        for one, other in zip(a, b, strict=True)
    )


def of_tile(
    reductions: Mapping[str, Reduction], of_rows: RowFunction, tile: Tile, dD: Array
) -> Second:
    """Return the cotangents of a tile and their change, for an affine loss."""
    nothing: Summary = ((),) * len(reductions)
    g = of_rows.derivatives(tile)
    dg: dict[str, Array | None] = dict.fromkeys(g)
    return _pulled(reductions, of_rows, tile, nothing, nothing, dD, g, dg)


def of_whole_rows(
    reductions: Mapping[str, Reduction],
    of_rows: RowFunction,
    tile: Tile,
    summary: Summary,
    sums: Summary,
    dD: Array,
) -> Second:
    """Return the same from the reductions of whole rows and their tangents."""
    both = list(zip(reductions.items(), summary, sums, strict=True))
    found = {name: r.finish(tile.xp, pieces) for (name, r), pieces, _ in both}
    moving = {name: r.finish_tangent(pieces, moved) for (name, r), pieces, moved in both}
    g = of_rows.derivatives(tile, found)
    dg = of_rows.derivatives_along(tile, found, moving)
    return _pulled(reductions, of_rows, tile, summary, sums, dD, g, dg)


def _pulled(
    reductions: Mapping[str, Reduction],
    of_rows: RowFunction,
    tile: Tile,
    summary: Summary,
    sums: Summary,
    dD: Array,
    g: Mapping[str, Array],
    dg: Mapping[str, Array | None],
) -> Second:
    """Return the cotangents and their change, from the derivatives of the row function."""
    named = list(zip(reductions.items(), summary, sums, strict=True))
    both = []
    for (name, r), pieces, moved in named:
        terms = r.terms_along(tile, pieces, moved, dD, g[name], dg[name])
        both.append(tuple(of_rows.with_number(name, r, term) for term in terms))
    G, dG = _evaluated(tile, *zip(*both, strict=True))
    listed = change = None
    for (name, r), _, _ in named:
        if isinstance(r, ListedSum):
            listed = sum_of(listed, r.listed_cotangent(tile, g[name]))
            moves = tile.xp.zeros_like(g[name]) if dg[name] is None else dg[name]
            change = sum_of(change, r.listed_cotangent(tile, moves))
    return Second(G, dG, listed, change)


def _evaluated(
    tile: Tile, firsts: tuple[Term, ...], seconds: tuple[Term, ...]
) -> tuple[Array, Array]:
    """Return both sums of terms, 0 for self-pairs."""
    outputs: list[Expression] = []
    inputs: dict[str, Array] = {}
    over: list[str] = []
    for terms in firsts, seconds:
        total: Expression | None = None
        for term in terms:
            total = plus(total, term.expression)
            inputs |= term.inputs
            over += term.over
        outputs.append(total or number(0))
    G, dG = tile.evaluate(outputs, tuple(over), **inputs)
    return G, dG
