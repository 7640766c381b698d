"""Transfer of a loss's terms to the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cloudpickle

from maha_dask.tasks.isolation import task

if TYPE_CHECKING:
    from maha_core.sweeps.terms import Terms


class Carried:
    """Terms that are unpickled inside a task.

    Arguments of a task are unpickled before it runs. If that fails, as for a function of a module
    that workers do not have, distributed waits forever. With this class, the task fails instead.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms: Terms | None = terms
        self._pickled: bytes | None = None

    def __getstate__(self) -> bytes:
        if self._pickled is None:
            self._pickled = cloudpickle.dumps(self._terms)
        return self._pickled

    def __setstate__(self, pickled: bytes) -> None:
        self._terms, self._pickled = None, pickled

    def unpacked(self) -> Terms:
        """Return the terms."""
        if self._terms is None:
            self._terms = cloudpickle.loads(self._pickled)
        return self._terms


@task
def terms(carried: Carried) -> Terms:
    """Return a loss's terms, which many tasks need."""
    try:
        return carried.unpacked()
    except (ImportError, AttributeError) as error:
        error.add_note(
            "while unpickling the loss: what it is made of must be importable on every worker; "
            "install it there, or send it with client.upload_file"
        )
        raise
