"""A new operation in one file: sums of D squared over rows; nothing is said of any library."""

from maha_core.expressions import variable
from maha_core.reductions import Reduction
from maha_core.tiles.term import Term


class SquaredRowSums(Reduction):
    """``s_i = sum_j D_ij^2``."""

    additive = True
    finite = True
    numbers = ()

    def __init__(self):
        super().__init__(None, None, None, None)

    def for_call(self, name=None, kinds=None):
        return self

    def partial(self, tile):
        return (tile.row_total(tile.fill_self(tile.sqdist * tile.sqdist, 0.0)),)

    def merge(self, xp, a, b):
        return (a[0] + b[0],)

    def finish(self, xp, pieces):
        return pieces[0]

    def term(self, tile, pieces, g):
        return Term(variable("toy"), {"toy": 2 * g * tile.sqdist})

    def entry(self, xp, pieces, g):
        raise NotImplementedError

    def values_cotangent(self, tile, pieces, g):
        return None
