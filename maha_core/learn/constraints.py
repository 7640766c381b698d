"""Pairs, chunks and triplets drawn from labelled points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from maha_core.learn.class_neighbors import Near, class_neighbors
from maha_core.learn.user_line import warn

Array = Any
Index = NDArray[np.int64]


class Constraints:
    """Pairs, chunks and triplets of points whose labels are known.

    Parameters
    ----------
    partial_labels : array-like of integers (n,)
        Classes; a negative number says that the point's class is not known, and leaves it out.

    Attributes
    ----------
    partial_labels : array (n,)
    known_label_idx : array of integers
        Rows of the points whose class is known.
    known_labels : array
        Their classes.

    Raises
    ------
    ValueError
        Labels that are not one number a point.

    Examples
    --------
    >>> from maha_core.learn import Constraints
    >>> a, b, c, d = Constraints([0, 0, 1, 1]).positive_negative_pairs(2, random_state=0)
    >>> sorted(zip(a.tolist(), b.tolist()))
    [(0, 1), (2, 3)]
    """

    def __init__(self, partial_labels: Array) -> None:
        labels = np.asarray(partial_labels)
        if labels.ndim != 1 or labels.dtype.kind not in "iuf":
            raise ValueError(
                f"partial_labels has shape {labels.shape} and dtype {labels.dtype}; it holds one "
                "number a point (n,), negative where the class is not known"
            )
        if labels.dtype.kind == "f" and not np.isfinite(labels).all():
            raise ValueError("partial_labels contains NaN or infinity; -1 stands for not known")
        self.partial_labels = labels
        self.known_label_idx = np.flatnonzero(labels >= 0)
        self.known_labels = labels[self.known_label_idx]
        order = np.argsort(self.known_labels, kind="stable")
        self._rows = self.known_label_idx[order]
        _, self._counts = np.unique(self.known_labels, return_counts=True)
        self._starts = np.cumsum(self._counts) - self._counts

    def positive_negative_pairs(
        self, n_constraints: int, same_length: bool = False, random_state: Any = None
    ) -> tuple[Index, Index, Index, Index]:
        """Draw pairs of one class, and pairs of two classes, each pair at most once.

        Parameters
        ----------
        n_constraints : int
            How many of either kind; where there are fewer, all are taken, with a warning.
        same_length : bool
            Whether to leave as many of both kinds as there are of the rarer.
        random_state : int, RandomState, optional

        Returns
        -------
        a, b : arrays of integers
            Rows of points of one class.
        c, d : arrays of integers
            Rows of points of two classes.

        Raises
        ------
        ValueError
            There is no pair of one of the kinds.
        """
        _check_count(n_constraints, "n_constraints")
        rng = check_random_state(random_state)
        a, b = self._alike(n_constraints, rng)
        c, d = self._different(n_constraints, rng)
        if same_length:
            shorter = min(len(a), len(c))
            a, b, c, d = a[:shorter], b[:shorter], c[:shorter], d[:shorter]
        return a, b, c, d

    def chunks(self, n_chunks: int = 100, chunk_size: int = 2, random_state: Any = None) -> Index:
        """Draw disjoint groups of points of one class.

        Parameters
        ----------
        n_chunks, chunk_size : int
        random_state : int, RandomState, optional

        Returns
        -------
        chunks : array of integers (n,)
            The number of each point's chunk, -1 where it is in none.

        Raises
        ------
        ValueError
            The classes have not enough points.
        """
        _check_count(n_chunks, "n_chunks")
        _check_count(chunk_size, "chunk_size")
        rng = check_random_state(random_state)
        possible = int(np.sum(self._counts // chunk_size))
        if possible < n_chunks:
            raise ValueError(
                f"n_chunks={n_chunks} of chunk_size={chunk_size} cannot be drawn: the classes "
                f"have points for {possible}; ask for fewer or smaller chunks"
            )
        cut = [
            rng.permutation(rows)[: len(rows) // chunk_size * chunk_size]
            for rows in np.split(self._rows, self._starts[1:])
        ]
        groups = np.concatenate(cut).reshape(-1, chunk_size)
        chosen = groups[rng.permutation(possible)[:n_chunks]]
        chunks = np.full(len(self.partial_labels), -1)
        chunks[chosen] = np.arange(n_chunks)[:, None]
        return chunks

    def generate_knntriplets(self, X: Array, k_genuine: int, k_impostor: int) -> Index:
        """Return every point with its near points of the own class and of others.

        Parameters
        ----------
        X : array (n, d)
            All points, those of unknown class included.
        k_genuine : int
            Nearest points of the own class; where a class has fewer, all, with a warning.
        k_impostor : int
            Nearest points of other classes; where there are fewer, all, with a warning.

        Returns
        -------
        triplets : array of integers (t, 3)
            Rows of a point, of one of its own class, and of one of another.

        Raises
        ------
        ValueError
            There is but one class, or no class of two points.
        """
        _check_count(k_genuine, "k_genuine")
        _check_count(k_impostor, "k_impostor")
        if X.shape[0] != len(self.partial_labels):
            raise ValueError(
                f"X has {X.shape[0]} points, and partial_labels {len(self.partial_labels)} labels"
            )
        self._refuse_unpaired()
        groups = np.split(self._rows, self._starts[1:])
        self._warn_of_few(k_genuine, k_impostor)
        near = class_neighbors(X, groups, k_genuine, k_impostor)
        return np.concatenate([_triplets(each) for each in near])

    def n_pairs(self) -> tuple[int, int]:
        """Return how many pairs of one class and of two there are."""
        return int(self._place().sum()), int(self._before().sum())

    def _warn_of_few(self, k_genuine: int, k_impostor: int) -> None:
        fewest, others = int(self._counts.min()), len(self._rows) - int(self._counts.max())
        if fewest <= k_genuine:
            warn(
                f"k_genuine={k_genuine} is not less than the size of the smallest class, which "
                f"has {fewest} members; its points have fewer triplets",
                UserWarning,
            )
        if others < k_impostor:
            warn(
                f"k_impostor={k_impostor} is more than the {others} points outside of the largest "
                "class; its points have fewer triplets",
                UserWarning,
            )

    def _refuse_unpaired(self) -> None:
        if self._counts.max(initial=0) < 2:
            raise ValueError(
                "no two points are of one known class; constraints of points that are alike "
                "cannot be drawn"
            )
        if len(self._counts) < 2:
            raise ValueError(
                "all points of known class are of one class; constraints of points that are not "
                "alike cannot be drawn"
            )

    def _alike(self, wanted: int, rng: Any) -> tuple[Index, Index]:
        """Draw pairs (u, v) of a class, v before u."""
        self._refuse_unpaired()
        place = self._place()
        u, rank = _drawn(place, wanted, rng, "one class")
        return self._rows[u - place[u] + rank], self._rows[u]

    def _different(self, wanted: int, rng: Any) -> tuple[Index, Index]:
        """Draw pairs (u, v) of points of different classes, v of a class before u's."""
        u, rank = _drawn(self._before(), wanted, rng, "two classes")
        return self._rows[rank], self._rows[u]

    def _place(self) -> Index:
        """Return how many points of its class are before each, in the order of `_rows`."""
        return np.arange(len(self._rows)) - self._before()

    def _before(self) -> Index:
        """Return how many points of classes before its own there are, in the order of `_rows`."""
        return np.repeat(self._starts, self._counts)


def _drawn(partners: Index, wanted: int, rng: Any, kind: str) -> tuple[Index, Index]:
    """Draw distinct pairs of a point u and the rank of one of its partners, all alike probable."""
    ends = np.cumsum(partners)
    available = int(ends[-1])
    if available < wanted:
        warn(
            f"n_constraints={wanted} pairs of {kind} were asked for, and there are {available}: "
            "all are taken",
            UserWarning,
        )
    # RandomState shuffles all numbers, or asks for one at a time; Generator draws these alone
    generator = np.random.default_rng(rng.randint(2**31 - 1))
    numbers = generator.choice(available, min(wanted, available), replace=False)
    u = np.searchsorted(ends, numbers, side="right")
    return u, numbers - (ends[u] - partners[u])


def _triplets(near: Near) -> Index:
    """Return every point with each of its near points of the own class, and of others."""
    shape = (len(near.rows), near.own.shape[1], near.others.shape[1])
    columns = (near.rows[:, None, None], near.own[:, :, None], near.others[:, None, :])
    return np.stack([np.broadcast_to(rows, shape).ravel() for rows in columns], axis=1)


def _check_count(value: Any, argument: str) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{argument} is {value!r}; it is a whole number, from 1")
