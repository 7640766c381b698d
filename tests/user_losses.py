"""Losses as a user would write them on the public protocol: row-wise, listed pairs, both."""

from maha_core.losses import Evaluation, Loss, PointData

FAR = 1e30  # instead of infinity: differences of it are not NaN


class LogSumExp(Loss):
    """phi = sum_i w_i log sum_j exp(-D_ij), over j != i where the points meet themselves."""

    def __init__(self, weight=None):
        self.weight = weight

    def point_data(self):
        return () if self.weight is None else (PointData("weight", rows=self.weight),)

    def summarise(self, tile):
        D = tile.without_self(tile.sqdist, FAR)
        low = tile.xp.min(D, axis=1)
        return low, tile.xp.sum(tile.xp.exp(low[:, None] - D), axis=1)

    def merge(self, a, b):
        from array_api_compat import array_namespace

        xp = array_namespace(a[0])
        low = xp.minimum(a[0], b[0])
        return low, a[1] * xp.exp(low - a[0]) + b[1] * xp.exp(low - b[0])

    def evaluate(self, tile, summary):
        low, total = summary
        D = tile.without_self(tile.sqdist, FAR)
        share = tile.xp.exp(low[:, None] - D) / total[:, None]
        weight = 1.0 if self.weight is None else tile.row_data["weight"]
        value = (tile.xp.log(total) - low)[:, None] * weight * (1.0 if tile.opens_row else 0.0)
        return Evaluation(value, -share * weight)


class Hinge(Loss):
    """A small LMNN: mu sum_p D_p + (1 - mu) sum_p sum_l [1 + D_p - D_il]+ over other labels l."""

    def __init__(self, i, j, labels, mu=0.5):
        self.i, self.j, self.labels, self.mu = i, j, labels, mu

    def pairs(self, n):
        return self.i, self.j

    def point_data(self):
        return (PointData("labels", self.labels, kind="label", columns_name="labels_Y"),)

    def evaluate(self, tile, summary):
        xp, listed, D = tile.xp, tile.listed, tile.sqdist
        differs = tile.row_data["labels"] != tile.column_data["labels"]
        slack = 1 + listed.sqdist[:, None] - xp.take(D, listed.i, axis=0)
        active = (slack > 0) & xp.take(differs, listed.i, axis=0)
        hinge = (1 - self.mu) * xp.astype(active, D.dtype)
        of_row = listed.i[None, :] == xp.arange(D.shape[0], device=_device(D))[:, None]
        pull = self.mu * xp.ones_like(listed.sqdist) * (1.0 if tile.opens_row else 0.0)
        value = xp.sum(hinge * slack) + xp.sum(pull * listed.sqdist)
        return Evaluation(
            value, -(xp.astype(of_row, D.dtype) @ hinge), pull + xp.sum(hinge, axis=1)
        )


class SquaredPairs(Loss):
    """phi = sum_p D_p^2 over listed pairs alone."""

    all_pairs = False

    def __init__(self, i, j):
        self.i, self.j = i, j

    def pairs(self, n):
        return self.i, self.j

    def evaluate(self, tile, summary):
        D = tile.listed.sqdist
        empty = tile.sqdist  # (r, 0): there are no columns
        return Evaluation(D * D, empty, 2 * D)


def _device(array):
    from array_api_compat import device

    return device(array)
