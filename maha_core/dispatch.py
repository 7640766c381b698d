"""Find the backend for an array by its type.

It is the plugin named by the first root module along the type's method resolution order, else the
generic backend of the array API standard. No array library is imported that the caller has not
imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from array_api_compat import is_pydata_sparse_array

from maha_core.arrays import is_array, namespace, root_module
from maha_core.conversions import to_array
from maha_core.registry import REGISTRY

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from maha_core.engine import Engine

GENERIC = "generic"

_by_type: dict[type, Engine] = {}
_generic_by_namespace: dict[int, Engine] = {}
_wanted: ContextVar[str | None] = ContextVar("maha_core.use_backend", default=None)


def backend_of(value: Any, argument: str) -> Engine:
    """Return the backend that serves an array.

    Parameters
    ----------
    value : array
        An argument given by the user.
    argument : str
        The name of the argument, for error messages.

    Returns
    -------
    Engine

    Raises
    ------
    TypeError
        No backend serves `value`, or the backend of `use_backend` does not.
    PluginError
        The plugin that should serve it does not work.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.dispatch import backend_of
    >>> backend_of(np.zeros((2, 3)), "X").name
    'numpy'
    """
    wanted = _wanted.get()
    if wanted is not None:
        return _wanted_backend(wanted, value, argument)
    backend = _by_type.get(type(value))
    if backend is None:
        backend = _by_type[type(value)] = _find(value, argument)
    return backend


def use_backend(name: str) -> AbstractContextManager[None]:
    """Select a backend inside a ``with`` block.

    Arrays are not converted: they must be arrays that the backend serves.

    Parameters
    ----------
    name : str
        ``"generic"`` for the array API standard alone, even if a plugin serves the array; or the
        name of a plugin, see `maha_core.backends`.

    Returns
    -------
    context manager

    Raises
    ------
    ValueError
        There is no backend of this name.
    TypeError
        Raised by calls inside the block, for arrays that the backend does not serve.

    Examples
    --------
    >>> import numpy as np
    >>> import maha_core as mc
    >>> with mc.use_backend("generic"):
    ...     mc.sqdist(np.asarray([[0.0], [3.0]]))
    array([[0., 9.],
           [9., 0.]])
    """
    known = [*REGISTRY.enabled, GENERIC]
    if name not in known:
        raise ValueError(f"there is no backend {name!r}; there are {', '.join(map(repr, known))}")
    return insist(name)


def insisted() -> str | None:
    """Return the name selected by `use_backend`, or None."""
    return _wanted.get()


@contextmanager
def insist(name: str | None) -> Iterator[None]:
    """Select a backend inside a ``with`` block; None lets the arrays' types decide again."""
    token = _wanted.set(name)
    try:
        yield
    finally:
        _wanted.reset(token)


def _wanted_backend(name: str, value: Any, argument: str) -> Engine:
    if name == GENERIC:
        return _generic(value, argument)
    if _is_of_plugin(type(value), name):
        backend = REGISTRY.load(name)
        assert backend is not None, name  # the name was checked
        return backend
    raise TypeError(
        f"{argument} is a {_qualified(type(value))}, which the backend {name!r} does not serve; "
        f"convert it, or leave use_backend({name!r})"
    )


def _is_of_plugin(cls: type, name: str) -> bool:
    """Tell whether a plugin serves a type, under this name or another (jax, jaxlib)."""
    own = _plugin_name(cls)
    if own is None or own == name:
        return own == name
    provided = ({plugin.value for plugin in REGISTRY.enabled[each]} for each in (own, name))
    return next(provided) == next(provided)


def _find(value: Any, argument: str) -> Engine:
    name = _plugin_name(type(value))
    backend = REGISTRY.load(name) if name is not None else None
    return backend if backend is not None else _generic(value, argument)


def _plugin_name(cls: type) -> str | None:
    """The first root module along the method resolution order that names a plugin."""
    roots = (root_module(base) for base in cls.__mro__ if base is not object)
    return next((root for root in roots if root in REGISTRY.enabled), None)


def _generic(value: Any, argument: str) -> Engine:
    if not is_array(value) or is_pydata_sparse_array(value):
        raise TypeError(_no_array(value, argument))
    xp = namespace(value)
    backend = _generic_by_namespace.get(id(xp))
    if backend is None:
        # The backend keeps its namespace alive, so that its id is not reused.
        backend = _generic_by_namespace.setdefault(id(xp), REGISTRY.generic(xp))
    return backend


def _no_array(value: Any, argument: str) -> str:
    plugins = ", ".join(REGISTRY.enabled) or "none is installed"
    accepted = (
        f"Accepted are the arrays that a plugin serves ({plugins}) and those of any other library "
        "that follows the array API standard"
    )
    kind = _qualified(type(value))
    if _is_of_another_kind(value):
        return (
            f"{argument} is a {kind} without __array_namespace__: its library does not follow the "
            f"array API standard; {to_array(value, argument)}. {accepted}"
        )
    return f"{argument} must be an array, not a {kind}; {to_array(value, argument)}. {accepted}"


def _is_of_another_kind(value: Any) -> bool:
    """Tell whether a value has the attributes of an array of some library."""
    return all(hasattr(value, name) for name in ("shape", "dtype", "__getitem__"))


def _qualified(cls: type) -> str:
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )
