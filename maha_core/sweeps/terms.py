"""The traced terms of a loss in one call, which sweeps evaluate tile by tile.

The cotangent follows by the chain rule, ``G_ij = sum_p (d rho_i / d s_ip) (d s_ip / d D_ij)``, over
the loss's reductions s_p and its row function rho.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from maha_core.arrays import namespace
from maha_core.expressions import Expression, weighted
from maha_core.expressions.algebra import plus
from maha_core.expressions.operation import number
from maha_core.formulas import plus as sum_of
from maha_core.reductions.listed_sum import ListedSum
from maha_core.sweeps import second_order
from maha_core.sweeps.pair_term import PairTerm, pair_term
from maha_core.sweeps.row_function import (
    RowFunction,
    data_variable,
    reduction_variable,
    row_function,
)
from maha_core.tiles.tile import Entries, Evaluation, Second, Summary, Tile

if TYPE_CHECKING:
    from maha_core.losses.base import Loss
    from maha_core.reductions.base import PointData, Reduction, Summand
    from maha_core.sweeps.pair_term import ListedItems
    from maha_core.tiles.term import Term

Array = Any


@dataclass(frozen=True, slots=True)
class Terms:
    """Reductions of every row, a function of them, and a term for each listed item.

    Attributes
    ----------
    name : str
        The name of the loss, for errors.
    reductions : mapping of str to Reduction
        As `Reduction.for_call` returns them.
    row_function : RowFunction or None
        None if only the reductions are needed, or there are none.
    pair_term : PairTerm or None
    symmetric : bool
        Whether the loss is unchanged when i and j are exchanged.
    arguments : mapping of str to str
        The arguments that gave the columns' data, by the name of the data.
    all_pairs : bool
        Whether D is needed for more than the listed pairs.
    finite : bool
        Whether cotangents are finite wherever D is.
    silent : bool
        Whether floating-point warnings are suppressed.
    of_kernel : bool
        Whether a negative D is an error, because a kernel is a function of distances.
    row_wise : bool
        Whether a tile's cotangent needs the reductions of whole rows.
    half_suffices : bool
        Whether, without Y, tiles below the diagonal may be skipped.
    """

    name: str
    reductions: Mapping[str, Reduction]
    row_function: RowFunction | None = None
    pair_term: PairTerm | None = None
    symmetric: bool = False
    arguments: Mapping[str, str] = field(default_factory=dict)
    all_pairs: bool = field(init=False)
    finite: bool = field(init=False)
    silent: bool = field(init=False)
    of_kernel: bool = field(init=False)
    row_wise: bool = field(init=False)
    half_suffices: bool = field(init=False)

    def __post_init__(self) -> None:
        reductions, of_rows = self.reductions.values(), self.row_function
        additive = all(reduction.additive for reduction in reductions)
        affine = of_rows is not None and additive and of_rows.is_affine
        half = self.symmetric and affine and of_rows is not None and of_rows.is_uniform
        object.__setattr__(self, "all_pairs", bool(reductions))
        object.__setattr__(self, "finite", all(reduction.finite for reduction in reductions))
        object.__setattr__(self, "silent", all(reduction.silent for reduction in reductions))
        object.__setattr__(self, "of_kernel", any(reduction.of_kernel for reduction in reductions))
        object.__setattr__(self, "row_wise", bool(reductions) and not affine)
        object.__setattr__(self, "half_suffices", half and self.pair_term is None)

    # --- values ------------------------------------------------------------------------------

    def summarise(self, tile: Tile) -> Summary:
        """Return the pieces of all reductions."""
        later = self.row_function is not None and self._reread
        return tuple(reduction.partial(tile) for reduction in self._reading(tile, spare=not later))

    @property
    def _reread(self) -> bool:
        return any(reduction.rereads for reduction in self.reductions.values())

    def _reading(self, tile: Tile, *, spare: bool) -> Iterator[Reduction]:
        """Yield the reductions in turn; with `spare`, the last one may overwrite D."""
        for step, reduction in enumerate(self.reductions.values(), 1):
            tile.spare = spare and step == len(self.reductions)
            yield reduction

    def merge(self, a: Summary, b: Summary) -> Summary:
        """Return the pieces of two disjoint parts of the same rows, a to the left of b."""
        xp = namespace(a[0][0])
        both = zip(self.reductions.values(), a, b, strict=True)
        return tuple(reduction.merge(xp, x, y) for reduction, x, y in both)

    def finish(self, xp: Any, summary: Summary) -> dict[str, Array]:
        """Return the reductions ``(r, w)`` of whole rows by their names."""
        both = zip(self.reductions.items(), summary, strict=True)
        return {name: reduction.finish(xp, pieces) for (name, reduction), pieces in both}

    def value(self, tile: Tile, summary: Summary) -> Array:
        """Return a loss's part from the summary of whole rows, of an affine loss from a tile's."""
        value = tile.row_total(tile.sqdist[:, :0])
        if self.row_function is not None:
            reductions = self.finish(tile.xp, summary)
            row_function = self.row_function
            of = row_function.values if self.row_wise else row_function.part
            value = of(tile, reductions)
        if self.pair_term is None or not tile.first_tile_of_row:
            return value
        return self.pair_term.added(tile, Evaluation(value, None)).value

    # --- cotangents --------------------------------------------------------------------------

    def evaluate(self, tile: Tile, summary: Summary | None, wrt: frozenset[str]) -> Evaluation:
        """Return a tile's value and cotangents; `summary` is that of whole rows if `row_wise`."""
        if not self.reductions:
            found = Evaluation(tile.row_total(tile.sqdist[:, :0]), tile.sqdist)
        elif self.row_wise:
            assert summary is not None
            found = self._in_two_sweeps(tile, summary, wrt)
        else:
            found = self._in_one_sweep(tile, wrt)
        if self.pair_term is None or not tile.first_tile_of_row:
            return found
        return self.pair_term.added(tile, found)

    def _in_two_sweeps(self, tile: Tile, summary: Summary, wrt: frozenset[str]) -> Evaluation:
        """Return what follows from the reductions of whole rows."""
        assert self.row_function is not None
        reductions = self.finish(tile.xp, summary)
        value, slopes = self.row_function.of_whole_rows(tile, reductions)
        if not tile.first_tile_of_row:
            value = tile.xp.zeros_like(value)
        values = self._values_cotangent(tile, summary, slopes) if "values" in wrt else None
        if wrt == {"values"}:
            return Evaluation(value, None, values=values)
        few, G = self._few(tile, slopes), None
        if few is None:
            _, G = self._evaluated(tile, [], self._terms(tile, summary, slopes))
        return Evaluation(value, G, self._listed(tile, slopes), values, few)

    def _in_one_sweep(self, tile: Tile, wrt: frozenset[str]) -> Evaluation:
        """Return a tile's part of an affine loss; value and cotangent are computed together."""
        assert self.row_function is not None
        slopes = self.row_function.derivatives(tile)
        nothing: Summary = ((),) * len(self.reductions)
        values = self._values_cotangent(tile, nothing, slopes) if "values" in wrt else None
        given = {name: r.summand for name, r in self.reductions.items()}
        summands = {name: summand for name, summand in given.items() if summand is not None}
        sums: dict[str, Array] = {}
        few, G = self._few(tile, slopes), None
        if few is None:
            terms = self._terms(tile, nothing, slopes)
            found, G = self._evaluated(tile, list(summands.values()), terms)
            sums = dict(zip(summands, found, strict=True))
        for name, reduction in self.reductions.items():
            if name not in sums:
                sums[name] = reduction.partial(tile)[0]
        value = self.row_function.part(tile, sums)
        return Evaluation(value, G, self._listed(tile, slopes), values, few)

    def _few(self, tile: Tile, slopes: Mapping[str, Array]) -> Entries | None:
        """Return the cotangent as few entries, if the only reduction has few."""
        if len(self.reductions) > 1 or not self.finite:
            return None
        ((name, reduction),) = self.reductions.items()
        return reduction.few(tile, slopes[name]) if isinstance(reduction, ListedSum) else None

    def _terms(self, tile: Tile, summary: Summary, slopes: Mapping[str, Array]) -> list[Term]:
        """Return the parts of the cotangent."""
        assert self.row_function is not None
        found = []
        reading = self._reading(tile, spare=not self._reread)
        for name, reduction, pieces in zip(self.reductions, reading, summary, strict=True):
            term = reduction.term(tile, pieces, slopes[name])
            found.append(self.row_function.with_number(name, reduction, term))
        return found

    def entries(self, xp: Any, summary: Summary, slopes: Mapping[str, Array]) -> list[Term]:
        """Return the parts of the cotangent of whole rows, for engines that compile expressions.

        They depend only on D and on numbers of the rows and of the columns.
        """
        assert self.row_function is not None
        found = []
        for (name, reduction), pieces in zip(self.reductions.items(), summary, strict=True):
            term = reduction.entry(xp, pieces, slopes[name])
            found.append(self.row_function.with_number(name, reduction, term))
        return found

    def _evaluated(
        self, tile: Tile, summands: list[Summand], terms: list[Term]
    ) -> tuple[list[Array], Array]:
        """Return sums of the rows, and the cotangent, without self-pairs."""
        total: Expression | None = None
        inputs: dict[str, Array] = {}
        over = ["D"]
        for term in terms:
            total = plus(total, term.expression)
            inputs |= term.inputs
            over += term.over
        sums, (G,) = tile.sums(summands, [total or number(0)], tuple(over), **inputs)
        return sums, G

    def _listed(self, tile: Tile, slopes: Mapping[str, Array]) -> Array | None:
        """Return the cotangent ``(p,)`` that reductions have of the listed distances."""
        found = None
        for name, reduction in self.reductions.items():
            if isinstance(reduction, ListedSum):
                found = sum_of(found, reduction.listed_cotangent(tile, slopes[name]))
        return found

    def _values_cotangent(
        self, tile: Tile, summary: Summary, slopes: Mapping[str, Array]
    ) -> Array | None:
        found = None
        for (name, reduction), pieces in zip(self.reductions.items(), summary, strict=True):
            found = sum_of(found, reduction.values_cotangent(tile, pieces, slopes[name]))
        return found

    # --- along a direction -------------------------------------------------------------------

    def refuse_twice(self) -> None:
        """Raise TypeError for a function whose second derivative is not known."""
        for reduction in self.reductions.values():
            reduction.refuse_twice()

    def tangents(self, tile: Tile, summary: Summary, dD: Array) -> Summary:
        """Return a tile's part of the reductions' tangents; `summary` is that of whole rows."""
        return second_order.tangents(self.reductions, tile, summary, dD)

    def evaluate_along(self, tile: Tile, summary: Summary, sums: Summary, dD: Array) -> Second:
        """Return a tile's cotangents and their change, from the tangents of whole rows."""
        found = self._along(tile, summary, sums, dD)
        if self.pair_term is None or not tile.first_tile_of_row:
            return found
        own, change = self.pair_term.along(tile)
        return found._replace(
            listed=sum_of(found.listed, own), listed_change=sum_of(found.listed_change, change)
        )

    def _along(self, tile: Tile, summary: Summary, sums: Summary, dD: Array) -> Second:
        if not self.reductions:
            return Second(tile.sqdist, tile.sqdist)
        of_rows = self.row_function
        assert of_rows is not None
        if not self.row_wise:
            return second_order.of_tile(self.reductions, of_rows, tile, dD)
        return second_order.of_whole_rows(self.reductions, of_rows, tile, summary, sums, dD)


def terms_of(loss: Loss, data: tuple[PointData, ...], items: ListedItems | None) -> Terms:
    """Return a loss of one call, traced.

    Raises
    ------
    TypeError
        One of its functions cannot be traced.
    ValueError
        A name is not one of its data, or two objects have the same name.
    """
    kinds = {one.name: one.kind for one in data}
    given = loss.reductions()
    check_names(type(loss).__name__, [one.name for one in data], given)
    reductions = {name: one.for_call(name, kinds) for name, one in given.items()}
    return Terms(
        type(loss).__name__,
        reductions,
        row_function(loss.row_function, reductions, kinds) if reductions else None,
        None if items is None else pair_term(loss, items, kinds),
        loss.symmetric,
        {one.name: one.columns_name or one.name for one in data},
    )


RESERVED = {"row", "column"}
"""Names of reductions would begin like those of the points' numbers, such as ``row_shift``."""


def check_names(owner: str, data: list[str], reductions: Mapping[str, Reduction]) -> None:
    """Raise ValueError for names that are not identifiers, not unique, or those of sides."""
    names = [*data, *reductions]
    for name in names:
        if not name.isidentifier():
            raise ValueError(f"{owner} has data or a reduction named {name!r}: no identifier")
    for name in RESERVED & set(reductions):
        raise ValueError(f"{owner} has a reduction named {name!r}, the name of a side; rename it")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{owner} has two things named {twice[0]!r}; rename one of them")


def reduction_terms(reduction: Reduction, data: tuple[PointData, ...]) -> Terms:
    """Return a reduction of one call, traced."""
    found = reduction.for_call()
    arguments = {one.name: one.columns_name or one.name for one in data}
    return Terms(type(reduction).__name__, {found.name: found}, arguments=arguments)


def with_cotangent(terms: Terms) -> Terms:
    """Return ``sum_i g_i . s_i`` of the one reduction of some terms, g the rows' "cotangent"."""
    (name,) = terms.reductions
    g = data_variable("cotangent", "real")
    of_rows = RowFunction(weighted(g, reduction_variable(name)), {name: g})
    arguments = {**terms.arguments, "cotangent": "cotangent"}
    return replace(terms, row_function=of_rows, arguments=arguments)
