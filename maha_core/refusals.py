"""Refusals of arrays with more than values: masked arrays, tracked tensors, tracers."""

import sys
from typing import Any

from maha_core.arrays import describe, root_module
from maha_core.extras import install
from maha_core.followed import is_followed_by_torch, is_tracer

Array = Any


def refuse_special(value: Array, argument: str) -> None:
    """Raise TypeError for an array with information that a computation would silently drop.

    Parameters
    ----------
    value : array
        An array of any library.
    argument : str
        The argument's name, for the message.

    Raises
    ------
    TypeError
        A masked array, ``np.matrix`` or another subclass of ``ndarray`` with other arithmetic; a
        torch tensor that is not dense, has no values or is such a subclass; a JAX tracer.
    """
    for base in type(value).__mro__:
        check = _CHECKS.get(root_module(base))
        if check is not None:
            return check(value, argument)


def refuse_differentiated(value: Array, argument: str) -> None:
    """Raise TypeError for a torch tensor being differentiated, in functions without derivatives.

    Parameters
    ----------
    value : array
        An array of any library.
    argument : str
        The argument's name, for the message.

    Raises
    ------
    TypeError
        It requires grad, has a tangent of forward mode, or is inside torch.func.
    """
    if is_followed_by_torch(value):
        raise TypeError(
            f"{argument} requires grad, has a tangent or is inside torch.func, and this backend "
            f"records nothing for autograd; pass {argument}.detach(), or leave it to the backend "
            "'torch'"
        )


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
    torch = sys.modules["torch"]
    if not isinstance(value, torch.Tensor):
        return
    _refuse_not_dense(torch, value, argument)
    _refuse_without_values(torch, value, argument)


def _refuse_not_dense(torch: Any, value: Array, argument: str) -> None:
    """Raise for a tensor that is not a dense array of numbers in memory."""
    if value.is_nested:
        raise TypeError(
            f"{argument} is a nested tensor, whose parts may differ in their shapes; pass one of "
            f"{argument}.unbind(), or all of their points: torch.cat({argument}.unbind())"
        )
    if value.layout is not torch.strided:
        raise TypeError(
            f"{argument} is a tensor of layout {value.layout}, and only dense ones are accepted; "
            f"write {argument}.to_dense()"
        )
    if value.is_quantized:
        raise TypeError(f"{argument} is a quantized tensor; write {argument}.dequantize()")


def _refuse_without_values(torch: Any, value: Array, argument: str) -> None:
    """Raise for a tensor whose values are not available, or that has further information."""
    if type(value).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        raise TypeError(
            f"{argument} is a {describe(value)}, which gives arithmetic a meaning of its own; "
            "pass a plain torch.Tensor"
        )
    if value.is_meta:
        raise TypeError(
            f"{argument} is a meta tensor, which has a shape and no numbers; pass one that lives "
            "on a device with memory"
        )


def _refuse_jax(value: Array, argument: str) -> None:
    if is_tracer(value):
        raise TypeError(
            f"{argument} is a JAX tracer (inside jit, grad or vmap), whose values are not there "
            "yet, and the backend 'generic' looks at values; leave use_backend('generic')"
        )
    refuse_keys(value, argument)


def refuse_keys(value: Array, argument: str) -> None:
    """Raise TypeError for a JAX array of random keys."""
    dtypes = sys.modules["jax"].dtypes
    if dtypes.issubdtype(value.dtype, dtypes.extended):
        raise TypeError(
            f"{argument} is a JAX array of {value.dtype}, which are no numbers; draw some with "
            "jax.random"
        )


def _refuse_dask(value: Array, argument: str) -> None:
    raise TypeError(
        f"{argument} is a Dask array, which only the backend 'dask' serves; "
        f"{install('dask')} in maha_core's folder, leave use_backend, or write "
        f"{argument}.compute() for an array that fits in memory"
    )


_CHECKS = {
    "dask": _refuse_dask,
    "numpy": _refuse_numpy,
    "torch": _refuse_torch,
    "jax": _refuse_jax,
    "jaxlib": _refuse_jax,
}
