"""Pairs, chunks and triplets drawn from labels: what they are, how many, and how evenly."""

import itertools

import numpy as np
import pytest

pytest.importorskip("sklearn")

import maha_core as mc
from maha_core.learn import Constraints

RNG = np.random.default_rng(0)
LABELS = RNG.integers(-1, 4, 50)
KNOWN = np.flatnonzero(LABELS >= 0)
ALIKE = {(i, j) for i, j in itertools.combinations(KNOWN, 2) if LABELS[i] == LABELS[j]}
APART = {(i, j) for i, j in itertools.combinations(KNOWN, 2) if LABELS[i] != LABELS[j]}


def unordered(a, b):
    return [tuple(sorted(pair)) for pair in zip(a.tolist(), b.tolist(), strict=True)]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pairs_are_distinct_and_of_known_points(seed):
    a, b, c, d = Constraints(LABELS).positive_negative_pairs(60, random_state=seed)
    alike, apart = unordered(a, b), unordered(c, d)
    assert len(set(alike)) == len(set(apart)) == 60
    assert set(alike) <= ALIKE
    assert set(apart) <= APART


def test_all_pairs_are_taken_where_more_are_asked_for():
    with pytest.warns(UserWarning, match=r"n_constraints=10000 pairs of .* were asked for"):
        a, b, c, d = Constraints(LABELS).positive_negative_pairs(10000, random_state=0)
    assert set(unordered(a, b)) == ALIKE
    assert set(unordered(c, d)) == APART
    with pytest.warns(UserWarning, match="there are"):
        a, b, c, d = Constraints(LABELS).positive_negative_pairs(10000, True, random_state=0)
    assert len(a) == len(c) == min(len(ALIKE), len(APART))


def test_every_pair_is_as_probable():
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    drawn = [
        Constraints(labels).positive_negative_pairs(1, random_state=seed) for seed in range(2000)
    ]
    for a, b in ((0, 1), (2, 3)):
        found = [unordered(each[a], each[b])[0] for each in drawn]
        _, counts = np.unique(found, axis=0, return_counts=True)
        expected = 2000 / len(counts)
        assert len(counts) == (7 if a == 0 else 14)
        assert np.sum((counts - expected) ** 2 / expected) < 3 * len(counts)


def test_a_seed_gives_the_same_draw():
    draws = [Constraints(LABELS).positive_negative_pairs(9, random_state=s) for s in (3, 3, 4)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    chunks = [Constraints(LABELS).chunks(5, random_state=s) for s in (3, 3, 4)]
    np.testing.assert_array_equal(chunks[0], chunks[1])
    assert not np.array_equal(chunks[0], chunks[2])


def test_many_points_are_no_trouble():
    labels = np.arange(200_000) % 3
    a, b, c, d = Constraints(labels).positive_negative_pairs(1000, random_state=0)
    assert (labels[a] == labels[b]).all()
    assert (labels[c] != labels[d]).all()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_chunks_are_disjoint_and_of_a_class(size):
    possible = sum(np.sum(c == LABELS) // size for c in range(4))
    for n_chunks in (1, int(possible)):
        chunks = Constraints(LABELS).chunks(n_chunks, size, random_state=0)
        numbers, counts = np.unique(chunks[chunks >= 0], return_counts=True)
        assert numbers.tolist() == list(range(n_chunks))
        assert (counts == size).all()
        for number in numbers:
            assert len(set(LABELS[chunks == number])) == 1
            assert LABELS[chunks == number][0] >= 0


@pytest.mark.parametrize(("k_genuine", "k_impostor"), [(1, 1), (3, 2)])
def test_triplets_are_of_the_nearest_points(library, k_genuine, k_impostor):
    points = RNG.standard_normal((50, 3))
    found = Constraints(LABELS).generate_knntriplets(library.array(points), k_genuine, k_impostor)
    D = ((points[:, None] - points) ** 2).sum(axis=2)
    expected = set()
    for i in KNOWN:
        same = [j for j in np.argsort(D[i]) if LABELS[j] == LABELS[i] and j != i]
        other = [j for j in np.argsort(D[i]) if LABELS[j] not in (LABELS[i], -1)]
        expected |= set(itertools.product([i], same[:k_genuine], other[:k_impostor]))
    assert set(map(tuple, found.tolist())) == expected
    assert len(found) == len(expected)


def test_triplets_of_small_classes():
    labels = np.array([0, 0, 0, 1, 1, 2])
    points = np.arange(6.0)[:, None] ** 2
    with pytest.warns(UserWarning, match="have fewer triplets") as told:
        found = Constraints(labels).generate_knntriplets(points, 2, 4)
    assert [str(each.message)[:12] for each in told] == ["k_genuine=2 ", "k_impostor=4"]
    assert len(found) == 3 * 2 * 3 + 2 * 1 * 4


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0, 1]], r"partial_labels has shape \(1, 2\)"),
        (["a", "b"], r"partial_labels has shape \(2,\) and dtype <U1"),
        ([0.0, np.nan], r"partial_labels contains NaN"),
    ],
)
def test_labels_that_are_none(labels, message):
    with pytest.raises(ValueError, match=message):
        Constraints(labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], "no two points are of one known class"),
        ([-1, -1, 0], "no two points are of one known class"),
        ([1, 1, -1], "all points of known class are of one class"),
    ],
)
def test_constraints_that_cannot_be_drawn(labels, message):
    with pytest.raises(ValueError, match=message):
        Constraints(labels).positive_negative_pairs(2)
    with pytest.raises(ValueError, match=message):
        Constraints(labels).generate_knntriplets(np.zeros((3, 1)), 1, 1)


def test_chunks_that_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"n_chunks=3 of chunk_size=2 cannot be drawn: .* for 2"):
        Constraints([0, 0, 0, 1, 1]).chunks(3, 2)


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", None, True])
def test_counts_that_are_none(count):
    constraints = Constraints([0, 0, 1, 1])
    for call in (
        lambda: constraints.positive_negative_pairs(count),
        lambda: constraints.chunks(count),
        lambda: constraints.chunks(1, count),
        lambda: constraints.generate_knntriplets(np.zeros((4, 1)), count, 1),
        lambda: constraints.generate_knntriplets(np.zeros((4, 1)), 1, count),
    ):
        with pytest.raises(ValueError, match=r"is a whole number, from 1"):
            call()


def test_points_of_another_number():
    with pytest.raises(ValueError, match="X has 3 points, and partial_labels 4 labels"):
        Constraints([0, 0, 1, 1]).generate_knntriplets(np.zeros((3, 1)), 1, 1)


def test_the_class_is_public():
    assert mc.learn.Constraints is Constraints
