"""A case: one operation at one size and dtype."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`operation` is the name under which contestants enter; A is ``(k, d)``, X ``(n, d)``."""

    operation: str
    n: int
    d: int
    k: int
    dtype: str

    def __str__(self) -> str:
        return f"n = {self.n:5}  d = {self.d:3}  k = {self.k:3}  {self.dtype}"
