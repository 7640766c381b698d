"""Random calls of every public function, and what is right of each entry of their results."""

import re
from typing import Any, NamedTuple

import numpy as np

import oracle
from closeness import EPS
from fuzz import bounds, drawing
from fuzz.script import Script

MOST = 5000
"""So large a D has an exponential in extended precision."""


NEAR = 100
"""The promise for gradients of a softmax is for nearest distances of order 1."""


class Answer(NamedTuple):
    """A number or an array, the exact one, and the error that each entry may have."""

    name: str
    actual: Any
    exact: np.ndarray
    allowed: np.ndarray


class Call:
    """Points, a metric and a library; the functions below draw what else they need."""

    smallest, apart, forms = 0, False, drawing.FORMS
    largest = 40
    whole_numbers = definite = False
    without = ()

    def __init__(self, rng, library):
        self.rng, self.script = rng, Script(library, rng)
        self.dtype = str(rng.choice(["float64", "float32"]))
        with_Y, integers = bool(rng.random() < 0.5), self.whole_numbers and rng.random() < 0.15
        kind = str(rng.choice(drawing.INTEGERS)) if integers else self.dtype
        self.dtype = "float64" if integers else self.dtype
        if integers:
            drawn = drawing.whole(rng, kind, with_Y=with_Y)
        else:
            extent = {"smallest": self.smallest, "largest": self.largest, "apart": self.apart}
            drawn = drawing.points(rng, kind, with_Y=with_Y, **extent)
        self.X, self.Y, self.scale = drawn.X, drawn.Y, drawn.scale
        draw = drawing.definite_metric if self.definite else drawing.metric
        self.form, self.parameter = draw(rng, self.forms, drawn, self.dtype)
        names = ["X"] if self.Y is None else ["X", "Y"]
        self.points = ", ".join(self.script.array(name, getattr(self, name)) for name in names)
        self.metric = self.script.metric(self.form, self.parameter)
        if rng.random() < 0.5:
            self.script.option(tile_bytes=int(2 ** rng.integers(0, 14)))
        if rng.random() < 0.3:
            self.script.option(threads=int(rng.integers(1, 4)))
        self.draw()

    @property
    def exact(self):
        return self.X, self.Y, self.form, self.parameter

    @property
    def n(self):
        return len(self.X)

    @property
    def m(self):
        return len(self.X if self.Y is None else self.Y)

    def random(self, *shape):
        return self.rng.standard_normal(shape).astype(self.dtype)

    def distances(self):
        return bounds.distances((*self.exact, self.dtype))

    def sizes(self, listed):
        """Return what stands for |d| in the terms of a pair, ``(n, m, d)``."""
        size = bounds.sizes(self.X, self.Y, listed)
        if listed or self.script.library != "dask" or not self.n:
            return size
        return size + 2 * np.ptp(oracle.exact(self.X), axis=0)  # every chunk has its own centre

    def listed(self):
        """Draw pairs and define them; they may repeat."""
        count = int(self.rng.integers(0, 12)) if self.n and self.m else 0
        self.i = self.rng.integers(0, max(self.n, 1), count)
        self.j = self.rng.integers(0, max(self.m, 1), count)
        return f"pairs=({self.script.array('i', self.i)}, {self.script.array('j', self.j)})"

    def refused(self, message):
        """Tell whether a ValueError with this message is right."""
        return False

    def draw(self):
        """Draw the other arguments and write the call."""
        raise NotImplementedError

    def answers(self, result):
        """Yield the answers in a result."""
        raise NotImplementedError


class Distances(Call):
    """sqdist and dist: all pairs, listed pairs, or into `out`."""

    whole_numbers = True

    def draw(self):
        self.function = str(self.rng.choice(["sqdist", "dist"]))
        self.way = str(self.rng.choice(["all", "pairs", "out"]))
        more = f", {self.listed()}" if self.way == "pairs" else ""
        if self.way == "out" and self.script.library in ("numpy", "torch"):
            module = "np" if self.script.library == "numpy" else "torch"
            self.script.line(f"out = {module}.empty({self.n, self.m}, dtype={module}.{self.dtype})")
            more = ", out=out"
        self.fast = bool(self.way != "pairs" and self.rng.random() < 0.1)
        if self.fast:
            self.script.option(precision="fast")
        self.script.returns(f"mc.{self.function}({self.points}, metric={self.metric}{more})")

    def picked(self):
        D, allowed = self.distances()
        if self.fast:
            size = self.sizes(False)
            M = bounds.absolute_metric(self.form, self.parameter, self.X.shape[1])
            allowed = allowed + bounds.SOME * EPS[self.dtype] * bounds.form(size, M, size)
        if self.Y is None:
            np.fill_diagonal(allowed, 0)
        return (D[self.i, self.j], allowed[self.i, self.j]) if self.way == "pairs" else (D, allowed)

    def refused(self, message):
        D, allowed = self.picked()
        return self.function == "dist" and "negative" in message and (allowed > D).any()

    def answers(self, result):
        D, allowed = self.picked()
        result = np.asarray(result).astype(np.longdouble)
        if self.function == "dist":
            result = result**2
            D = np.maximum(D, 0) if self.fast else D  # dist then clips
            allowed = allowed + 4 * EPS[self.dtype] * np.abs(D)
        yield Answer(self.function, result, D, allowed)


class Nearest(Call):
    smallest = 3
    whole_numbers = True

    def draw(self):
        self.k = int(self.rng.integers(1, min(self.n, self.m)))
        self.script.returns(f"mc.nearest({self.points}, k={self.k}, metric={self.metric})")

    def answers(self, result):
        D, allowed = self.distances()
        if self.Y is None:
            np.fill_diagonal(D, np.inf)
            np.fill_diagonal(allowed, 0)
        found, index = np.asarray(result.sqdist), np.asarray(result.index)
        rows = np.arange(self.n)[:, None]
        yield Answer("sqdist", found, D[rows, index], allowed[rows, index])
        worst = np.broadcast_to(allowed.max(axis=1, keepdims=True), found.shape)
        order = np.sort(D, axis=1)[:, : self.k]
        near = np.sort(allowed, axis=1)[:, -1:] if self.n else worst
        yield Answer("k smallest", found, order, np.broadcast_to(near, found.shape))
        twice = [len(set(row)) != self.k for row in index.tolist()]
        yield Answer("an index twice", np.asarray(twice, float), np.zeros(self.n), np.zeros(self.n))


class Within(Call):
    smallest = 2
    without = ("dask",)  # whose arrays would not know how many points there are

    def draw(self):
        D, _ = self.distances()
        of_some = float(self.rng.choice(np.append(D.ravel(), 1.0)))
        self.radius = float(np.sqrt(max(of_some, 0.0)) * self.rng.choice([0.5, 1.0, 1.5]))
        self.sort = bool(self.rng.random() < 0.5)
        self.script.returns(
            f"mc.within({self.points}, radius={self.radius!r}, metric={self.metric}, "
            f"sort={self.sort})"
        )

    def answers(self, result):
        D, allowed = self.distances()
        indptr, index, sqdist = (np.asarray(part) for part in result)
        rows = np.repeat(np.arange(self.n), np.diff(indptr))
        yield Answer("sqdist", sqdist, D[rows, index], allowed[rows, index])
        found = np.zeros(D.shape)
        np.add.at(found, (rows, index), 1)
        limit = np.longdouble(self.radius) ** 2
        allowed = allowed + 2 * EPS[self.dtype] * limit
        if self.Y is None:
            np.fill_diagonal(D, np.inf)
            np.fill_diagonal(allowed, 0)
        undecided = np.abs(D - limit) <= allowed
        yield Answer("times found", found, limit >= D, np.where(undecided, 1.0, 0.0))
        keys = (index, sqdist, rows) if self.sort else (index, rows)
        place = np.arange(len(rows))
        yield Answer("order", np.lexsort(keys), place, np.zeros(len(rows)))


class Slices(Call):
    """jacobian and jacobian_slice."""

    forms = oracle.PARAMETRIC
    largest = 12

    def draw(self):
        self.index = tuple(int(self.rng.integers(0, extent)) for extent in self.parameter.shape)
        self.whole = bool(self.rng.random() < 0.5)
        name, more = ("jacobian", "") if self.whole else ("jacobian_slice", f", index={self.index}")
        self.script.returns(f"mc.{name}({self.points}, metric={self.metric}{more})")

    def answers(self, result):
        exact = oracle.jacobian(*self.exact)
        left = right = self.sizes(True)
        embedded = self.sizes(self.whole)
        if self.form == "factor":
            left = 2 * embedded @ np.abs(oracle.exact(self.parameter)).T
        if self.form == "covariance":
            left = right = embedded @ bounds.absolute_metric(
                self.form, self.parameter, right.shape[2]
            )
        size = left * right if self.form == "diagonal" else left[..., None] * right[..., None, :]
        allowed = bounds.SOME * EPS[self.dtype] * size
        if not self.whole:
            exact, allowed = exact[(..., *self.index)], allowed[(..., *self.index)]
        yield Answer("jacobian", result, exact, allowed)


class Tangents(Call):
    """jvp, of all pairs or of listed ones."""

    forms = oracle.FORMS
    largest = 20

    def draw(self):
        d = self.X.shape[1]
        parameter = None if self.parameter is None else self.random(*self.parameter.shape)
        if self.form == "covariance":
            parameter = (parameter + parameter.T) / 2
        drawn = {
            "metric_tangent": parameter,
            "X_tangent": self.random(self.n, d),
            "Y_tangent": None if self.Y is None else self.random(self.m, d),
        }
        there = [name for name, value in drawn.items() if value is not None]
        kept = [name for name in there if self.rng.random() < 0.6] or ["X_tangent"]
        self.tangents = {name: drawn[name] if name in kept else None for name in drawn}
        more = "".join(f", {name}={self.script.array(name, drawn[name])}" for name in kept)
        self.pairs = bool(self.rng.random() < 0.3)
        more += f", {self.listed()}" if self.pairs else ""
        self.script.returns(f"mc.jvp({self.points}, metric={self.metric}{more})")

    def answers(self, result):
        metric, dX, dY = self.tangents.values()
        exact = oracle.jvp(*self.exact, metric=metric, dX=dX, dY=dY)
        size, d = self.sizes(self.pairs), self.X.shape[1]
        total = np.zeros(size.shape[:2], np.longdouble)
        if metric is not None:
            T = bounds.absolute_tangent(self.form, self.parameter, metric)
            total = total + bounds.form(size, T, size)
        moves = np.zeros(size.shape, np.longdouble)
        if dX is not None:
            moves = moves + np.abs(dX)[:, None, :]
            moves = moves + (np.abs(dX)[None, :, :] if self.Y is None else 0)
        moves = moves + (0 if dY is None else np.abs(dY)[None, :, :])
        M = bounds.absolute_metric(self.form, self.parameter, d)
        total = total + 2 * bounds.form(size, M, moves)
        if self.pairs:
            exact, total = exact[self.i, self.j], total[self.i, self.j]
        yield Answer("jvp", result, exact, bounds.SOME * EPS[self.dtype] * total)


class Pullbacks(Call):
    """vjp of all pairs or of listed ones, in everything that there is."""

    forms = oracle.FORMS
    largest = 20

    def draw(self):
        self.pairs = bool(self.rng.random() < 0.3)
        more = f", {self.listed()}" if self.pairs else ""
        G = self.random(*((len(self.i),) if self.pairs else (self.n, self.m)))
        more += f", cotangent={self.script.array('cotangent', G)}"
        self.G = G
        if self.pairs:
            self.G = np.zeros((self.n, self.m), np.longdouble)
            np.add.at(self.G, (self.i, self.j), G)
        self.size_of_G = np.abs(self.G)
        if self.pairs:
            self.size_of_G = np.zeros((self.n, self.m))
            np.add.at(self.size_of_G, (self.i, self.j), np.abs(G))
        self.wrt = _wrt(self)
        self.script.returns(f"mc.vjp({self.points}, metric={self.metric}{more}, wrt={self.wrt!r})")

    def answers(self, result):
        exact = oracle.pullback(self.G, *self.exact)
        size = self.sizes(self.pairs)
        M, G = bounds.absolute_metric(self.form, self.parameter, size.shape[2]), self.size_of_G
        if self.Y is None and not self.pairs:
            G = G * (1 - np.eye(len(G)))
        of_points = 2 * G[..., None] * (size @ M)
        of_X, of_Y = of_points.sum(axis=1), of_points.sum(axis=0)
        allowed = {"X": of_X + (of_Y if self.Y is None else 0), "Y": of_Y}
        if "metric" in self.wrt:
            allowed["metric"] = self._of_metric(G, size, M)
        for name in self.wrt:
            error = bounds.SOME * EPS[self.dtype] * allowed[name]
            yield Answer(name, getattr(result, name), exact[name], error)

    def _of_metric(self, G, size, M):
        left = right = size
        if self.form == "factor":
            left = 2 * size @ np.abs(oracle.exact(self.parameter)).T
        if self.form == "covariance":
            left = right = size @ M
        if self.form == "diagonal":
            return (G[..., None] * left * right).sum(axis=(0, 1))
        return np.einsum("ij,ijk,ijl->kl", G, left, right)


class Losses(Call):
    """value_and_grad of every loss, in everything that there is."""

    forms = oracle.PARAMETRIC
    largest = 8
    smallest = 4
    apart = definite = True

    def draw(self):
        kinds = ["pairwise", "mlkr", "nca", "nca of logarithms"]
        own = ["lmnn", "contrastive", "triplet"] if self.Y is None and self.n > 3 else []
        self.kind = str(self.rng.choice(kinds + own))
        getattr(self, "_" + self.kind.replace(" ", "_"))()
        self.wrt = _wrt(self)
        self.script.returns(
            f"mc.value_and_grad({self.loss}, {self.points}, metric={self.metric}, wrt={self.wrt!r})"
        )

    def _pairwise(self):
        module = {"strict": "array_api_strict", "jax": "jnp", "torch": "torch"}
        xp = module.get(self.script.library, "np")
        self.script.line(f"f = lambda D: ({xp}.exp(-D / 4), -{xp}.exp(-D / 4) / 4)")
        self.loss = "mc.losses.Pairwise(f)"
        others = 1 if self.Y is not None else 1 - np.eye(self.n)
        self.value = lambda D: (np.exp(-D / 4) * others).sum()

    def _data(self, draw):
        X, Y = draw(self.n), None if self.Y is None else draw(self.m)
        names = [self.script.array("data", X)]
        names += [] if Y is None else [self.script.array("data_Y", Y)]
        return X, Y, ", ".join(names)

    def _mlkr(self):
        y, y_Y, names = self._data(self.random)
        self.loss = f"mc.losses.MLKR({names})"
        self.value = lambda D: oracle.mlkr(D, y, y_Y)

    def _labels(self, n):
        return self.rng.permutation(np.arange(n) % 2)

    def _nca(self, log=False):
        labels, labels_Y, names = self._data(self._labels)
        self.loss = f"mc.losses.NCA({names}, log={log})"
        self.value = lambda D: oracle.nca(D, labels, labels_Y, log=log)

    def _nca_of_logarithms(self):
        with_logarithms = oracle.sqdist(*self.exact).max() < MOST  # else the oracle's exp is 0
        self._nca(log=bool(with_logarithms))

    def _lmnn(self):
        labels = self._labels(self.n)
        same = [
            [j for j in range(self.n) if labels[j] == l and i != j] for i, l in enumerate(labels)
        ]
        targets = np.asarray([[row[0]] for row in same])
        names = (
            f"{self.script.array('labels', labels)}, {self.script.host_array('targets', targets)}"
        )
        self.loss = f"mc.losses.LMNN({names})"
        self.value = lambda D: oracle.lmnn(D, labels, targets)

    def _contrastive(self):
        i = self.rng.integers(0, self.n, 6)
        j = (i + self.rng.integers(1, self.n, 6)) % self.n
        same = self.rng.random(6) < 0.5
        names = [self.script.host_array(*pair) for pair in (("i", i), ("j", j), ("same", same))]
        self.loss = f"mc.losses.Contrastive({', '.join(names)})"
        self.value = lambda D: oracle.contrastive(D, i, j, same)

    def _triplet(self):
        triples = np.asarray([self.rng.permutation(self.n)[:3] for _ in range(6)]).T
        names = [self.script.host_array(*pair) for pair in zip("ijl", triples.copy(), strict=True)]
        self.loss = f"mc.losses.Triplet({', '.join(names)})"
        self.value = lambda D: oracle.triplet(D, *triples)

    def answers(self, result):
        D, error = self.distances()
        G = np.zeros(D.shape, np.longdouble)
        for pair in np.ndindex(D.shape):
            step = np.zeros(D.shape)
            step[pair] = self.Y is not None or pair[0] != pair[1]
            G[pair] = oracle.complex_step(self.value, D, step) if step[pair] else 0
        value, gradient = result
        exact, promised = self.value(D), bounds.GRADIENT[self.dtype]
        moved = (np.abs(G) * error).sum() + 8 * EPS[self.dtype] * (np.abs(G) * D).sum()
        size = abs(exact) + self.n * EPS[self.dtype] / promised
        yield Answer("value", value, exact, promised * size + 4 * moved)
        expected = oracle.pullback(G, *self.exact)
        rounding = 16 * self._rounding(D, error) / promised
        terms = oracle.pullback_magnitude(np.abs(G) + rounding, *self.exact)
        for name in self.wrt:
            wrong = np.asarray(getattr(gradient, name)) - expected[name]
            error = np.sqrt((wrong**2).sum())
            yield Answer(f"|gradient.{name}|", error, 0 * error, promised * terms[name])

    def _rounding(self, D, error):
        """Return how far G may be from 0 where it is: 1 - p rounds, and exponentials end.

        Where the nearest point is not near the exponent's own error says how far.
        """
        least = np.finfo(self.dtype).smallest_normal ** 0.7
        if self.kind not in ("mlkr", "nca", "nca of logarithms"):
            return least
        p = oracle.softmax_rows(D, self.Y is not None)
        of_exponent = np.where(D > NEAR, np.minimum(error, 1), 0) * (p > least)
        return least + (EPS[self.dtype] + of_exponent.max(axis=1, keepdims=True)) * p


class Points(Call):
    """Covariance.from_points."""

    forms = ("euclidean",)

    def draw(self):
        self.ridge = 0.5 * self.scale**2 if self.rng.random() < 0.3 else 0.0
        self.script.returns(
            f"np.asarray(mc.Covariance.from_points(X, ridge={self.ridge}).parameter)"
        )

    def scatter(self):
        W = oracle.exact(self.X) - oracle.exact(self.X).mean(axis=0)
        return W.T @ W / (self.n - 1)

    def refused(self, message):
        if self.n < 2 or (self.n <= self.X.shape[1] and not self.ridge):
            return True
        S, eps = self.scatter(), EPS[self.dtype]
        limits = np.finfo(self.dtype)
        if "normal numbers" in message:
            variances = np.diag(S)
            return ((variances < limits.smallest_normal) | (variances > limits.max)).any()
        if not np.diag(S).all():
            return True
        noise = 2 * eps**2 * (oracle.exact(self.X) ** 2).mean(axis=0) / 3
        deviation = np.sqrt(np.diag(S))
        level = 2 * max(4 * eps, 50 * np.sqrt(len(S)) * EPS["float64"]) + noise / deviation**2
        R = S / deviation / deviation[:, None]
        return np.linalg.eigvalsh((R - np.diag(level)).astype(float))[0] < 0

    def answers(self, result):
        S = self.scatter() + self.ridge * np.eye(self.X.shape[1])
        size = np.sqrt(np.outer(np.diag(S), np.diag(S)))
        eps = EPS[self.dtype] + 256 * EPS["float64"]
        yield Answer("S", result, S, eps * size + np.finfo(self.dtype).smallest_normal)


class Metrics(Call):
    """metric.matrix and metric.embed."""

    forms = oracle.PARAMETRIC

    def draw(self):
        self.embed = bool(self.rng.random() < 0.5)
        name = "to_factor().parameter" if self.embed else "matrix()"
        more = f", {self.metric}.embed(X)" if self.embed else ""
        self.script.returns(f"{self.metric}.{name}{more}")

    def refused(self, message):
        M = oracle.symmetric_matrix(self.form, self.parameter, self.X.shape[1]).astype(float)
        return (
            self.embed
            and np.linalg.eigvalsh(M)[0] < 0
            and bool(re.search("nearest_psd|no factor", message))
        )

    def answers(self, result):
        d, eps = self.X.shape[1], EPS[self.dtype]
        M = oracle.symmetric_matrix(self.form, self.parameter, d)
        size = bounds.absolute_metric(self.form, self.parameter, d)
        if self.form == "covariance":
            size = np.sqrt(np.outer(np.diag(M), np.diag(M)))
        if self.embed and self.form == "full":
            size = size + np.abs(M).max()
        relative = bounds.SOME * eps
        if self.form == "covariance":
            relative += bounds.of_covariance(self.parameter, self.dtype)
        if not self.embed:
            yield Answer("matrix", result, M, relative * size)
            return
        A, Z = (oracle.exact(np.asarray(array)) for array in result)
        yield Answer("A^T A", A.T @ A, M, (d + 2) * relative * size)
        X = oracle.exact(self.X)
        terms = np.abs(X) @ np.abs(A).T
        yield Answer("embed", Z, X @ A.T, bounds.SOME * eps * terms)


def _wrt(call):
    there = {"metric": call.parameter is not None, "X": True, "Y": call.Y is not None}
    return tuple(name for name, given in there.items() if given)


CALLS = (Distances, Nearest, Within, Slices, Tangents, Pullbacks, Losses, Points, Metrics)
