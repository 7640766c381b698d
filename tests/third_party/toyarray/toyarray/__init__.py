"""Toy arrays: NumPy underneath, but no ndarray, and nothing converts them by itself."""

from toyarray.array import Array

__all__ = ["Array"]
