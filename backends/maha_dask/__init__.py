"""The Dask plugin of maha_core: a graph of pairs of chunks, computed by the chunks' backend."""

from maha_dask import operations  # noqa: F401  # they register themselves
from maha_dask.backend import DaskBackend

__all__ = ["DaskBackend"]
