"""Arrays that pass for an array of their library but mean more than their numbers."""

import sys
from typing import Any

from maha_core.arrays import describe, root_module

Array = Any


def refuse_special(value: Array, argument: str) -> None:
    """Raise TypeError for an array whose extra meaning a computation would silently drop.

    Parameters
    ----------
    value : array
        An array of any library.
    argument : str
        The argument's name, for the message.

    Raises
    ------
    TypeError
        A masked array, ``np.matrix`` or other redefined ``ndarray``; a torch tensor that requires
        grad; a JAX tracer.
    """
    root = root_module(type(value))
    check = _CHECKS.get(root)
    if check is not None:
        check(value, argument)
    elif "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].ndarray):
        _refuse_numpy(value, argument)


def _refuse_numpy(value: Array, argument: str) -> None:
    numpy = sys.modules["numpy"]
    kind = type(value)
    if kind is numpy.ndarray or kind is numpy.memmap:
        return
    if not isinstance(value, numpy.ndarray):
        raise TypeError(f"{argument} is a {describe(value)}, a single number and no array")
    if isinstance(value, numpy.ma.MaskedArray):
        raise TypeError(
            f"{argument} is a masked array, whose masked entries have no distance; "
            f"fill or drop them, e.g. {argument}.filled(value)"
        )
    redefines = any(
        getattr(kind, name) is not getattr(numpy.ndarray, name)
        for name in ("__array_ufunc__", "__array_function__", "__mul__")
    )
    if redefines:
        raise TypeError(
            f"{argument} is a {describe(value)}, which gives arithmetic a meaning of its own; "
            f"write numpy.asarray({argument})"
        )


def _refuse_torch(value: Array, argument: str) -> None:
    if getattr(value, "requires_grad", False):
        raise TypeError(
            f"{argument} requires grad, and autograd would keep every tile; "
            f"pass {argument}.detach() and take the gradient from maha_core.vjp or value_and_grad"
        )


def _refuse_jax(value: Array, argument: str) -> None:
    if isinstance(value, sys.modules["jax"].core.Tracer):
        raise TypeError(
            f"{argument} is a JAX tracer (inside jit, grad or vmap), whose values are not there "
            "yet; call maha_core outside, or wrap maha_core.vjp in jax.custom_vjp with "
            "jax.pure_callback"
        )


def _refuse_dask(value: Array, argument: str) -> None:
    raise TypeError(
        f"{argument} is a Dask array, which only the backend 'dask' serves; install "
        f"maha-core[dask], leave use_backend, or write {argument}.compute() for an array that fits "
        "in memory"
    )


_CHECKS = {
    "dask": _refuse_dask,
    "numpy": _refuse_numpy,
    "torch": _refuse_torch,
    "jax": _refuse_jax,
    "jaxlib": _refuse_jax,
}
