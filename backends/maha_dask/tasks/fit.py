"""Whether chunks fit each other: with unknown sizes no plan can tell, and slices would hide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maha_core import validation

Array = Any


def check_chunk(chunk: Array | None, argument: str, shape: tuple[int, ...]) -> None:
    """Raise ValueError where a chunk of an argument has not the shape that its points ask for."""
    if chunk is not None:
        validation.check_shape(chunk, shape, f"a chunk of {argument}", "its chunk of points")


def check_data(data: Mapping[str, Array], size: int) -> None:
    """Raise ValueError where a chunk of data has not a number or a vector for each point."""
    for name, chunk in data.items():
        check_chunk(chunk, name, (size, *chunk.shape[1:]))
