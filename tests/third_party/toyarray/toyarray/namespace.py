"""The array API namespace: NumPy's functions on toy arrays."""

from functools import wraps

import array_api_compat.numpy as _numpy

from toyarray.array import Array, unwrapped, wrapped

__version__ = "1.2"


def asarray(values, /, **options):
    """The only way in."""
    data = values.numpy() if isinstance(values, Array) else values
    return Array(_numpy.asarray(data, **options))


def _on_toy_arrays(function):
    @wraps(function)
    def wrapper(*arguments, **options):
        options = {name: unwrapped(value) for name, value in options.items()}
        return wrapped(function(*map(unwrapped, arguments), **options))

    return wrapper


class _Linalg:
    def __getattr__(self, name):
        return _on_toy_arrays(getattr(_numpy.linalg, name))


linalg = _Linalg()


def __getattr__(name):
    found = getattr(_numpy, name)
    if callable(found) and not isinstance(found, type) and name != "__array_namespace_info__":
        return _on_toy_arrays(found)
    return found
