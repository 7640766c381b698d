"""A case: one operation at one size and dtype."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`operation` is the name under which contestants enter; A is ``(k, d)``, X ``(n, d)``.

    Where m is not 0 there is a Y ``(m, d)``, and no A.
    """

    operation: str
    n: int
    d: int
    k: int
    dtype: str
    m: int = 0

    def __str__(self) -> str:
        if self.m:
            return f"n = {self.n:5}  m = {self.m:6}  d = {self.d:3}  {self.dtype}"
        return f"n = {self.n:5}  d = {self.d:3}  k = {self.k:3}  {self.dtype}"
