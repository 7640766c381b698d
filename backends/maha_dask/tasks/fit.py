"""Checks of chunk shapes in tasks, because unknown chunk sizes cannot be checked before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maha_core import validation

Array = Any


def check_chunk(chunk: Array | None, argument: str, shape: tuple[int, ...]) -> None:
    """Raise ValueError if the shape of a chunk of an argument does not fit its points."""
    if chunk is not None:
        validation.check_shape(chunk, shape, f"a chunk of {argument}", "its chunk of points")


def check_data(data: Mapping[str, Array], size: int) -> None:
    """Raise ValueError if a chunk of data does not have a number or a vector for each point."""
    for name, chunk in data.items():
        check_chunk(chunk, name, (size, *chunk.shape[1:]))
