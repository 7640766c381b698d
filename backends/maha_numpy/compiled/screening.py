"""Passes over a tile of a product: which entries may be small enough.

An entry stands for ``lower[j] + P[r, j]``. Most of a tile is larger than what is looked for, so
that stretches of `STRETCH` entries are compared by vector instructions first, and only those that
have a small one are looked at again.
"""

from __future__ import annotations

from typing import Any

from maha_numpy.compiled.jit import Pass

Array = Any

STRETCH = 64


@Pass
def replace_largest(values: Array, index: Array, value: float, j: int) -> None:
    """Put an entry in the place of the largest of a heap, whose first is its largest."""
    size = values.shape[0]
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and values[child + 1] > values[child]:
            child += 1
        if values[child] <= value:
            break
        values[at] = values[child]
        index[at] = index[child]
        at = child
    values[at] = value
    index[at] = j


@Pass
def keep_smallest(P: Array, lower: Array, start: int, values: Array, index: Array) -> None:
    """Keep the smallest entries of each row of a tile ``P (r, c)`` in its heap.

    Heaps are ``values (r, K)`` with their columns ``index (r, K)``, of which the tile's first is
    number `start`.
    """
    count = P.shape[1]
    whole = count - count % STRETCH
    for r in range(P.shape[0]):
        row, heap, columns = P[r], values[r], index[r]
        largest = heap[0]
        for first in range(0, whole, STRETCH):
            some = False
            for j in range(STRETCH):
                some |= row[first + j] + lower[first + j] < largest
            if some:
                for j in range(first, first + STRETCH):
                    if row[j] + lower[j] < largest:
                        replace_largest(heap, columns, row[j] + lower[j], start + j)
                        largest = heap[0]
        for j in range(whole, count):
            if row[j] + lower[j] < largest:
                replace_largest(heap, columns, row[j] + lower[j], start + j)
                largest = heap[0]


@Pass
def list_below(
    P: Array, lower: Array, limits: Array, start: int, i: Array, j: Array, found: int
) -> int:
    """List the entries of a tile ``P (r, c)`` that do not exceed their row's limit ``(r,)``.

    Rows and columns are written to i and j from position `found` on; the new end is returned.
    """
    count = P.shape[1]
    whole = count - count % STRETCH
    for r in range(P.shape[0]):
        row, limit = P[r], limits[r]
        for first in range(0, whole, STRETCH):
            some = False
            for c in range(STRETCH):
                some |= row[first + c] + lower[first + c] <= limit
            if some:
                for c in range(first, first + STRETCH):
                    if row[c] + lower[c] <= limit:
                        i[found] = r
                        j[found] = start + c
                        found += 1
        for c in range(whole, count):
            if row[c] + lower[c] <= limit:
                i[found] = r
                j[found] = start + c
                found += 1
    return found


@Pass
def list_part(
    row: Array, bound: float, r: int, first: int, stop: int, i: Array, j: Array, found: int
) -> int:
    """List what of a part of a row does not reach a bound, if i and j still have room for it."""
    for c in range(first, stop):
        if not row[c] >= bound:
            if found < i.shape[0]:
                i[found] = r
                j[found] = c
            found += 1
    return found


@Pass
def list_not_above(D: Array, rows: Array, bounds: Array, i: Array, j: Array) -> int:
    """List the entries of some rows of D ``(r, c)`` that do not reach their row's bound.

    At most as many as i and j hold are written; all of them are counted. NaN reaches no bound.
    """
    count, found = D.shape[1], 0
    whole = count - count % STRETCH
    for r in rows:
        row, bound = D[r], bounds[r]
        for first in range(0, whole, STRETCH):
            reaching = 0  # a number: LLVM does not vectorise "any of them" where NaN may be
            for c in range(STRETCH):
                reaching += row[first + c] >= bound
            if reaching < STRETCH:
                found = list_part(row, bound, r, first, first + STRETCH, i, j, found)
        found = list_part(row, bound, r, whole, count, i, j, found)
    return found
