"""Tests whether another library is differentiating or tracing an array."""

import sys


def is_followed(value: object) -> bool:
    """Tell whether an array is being differentiated or traced by its library.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool
        True for a torch tensor that requires grad, has a tangent of forward mode or is inside
        torch.func, and for a JAX tracer.

    Examples
    --------
    >>> is_followed(1.0)
    False
    """
    return _requires_grad(value) or is_followed_by_torch(value) or is_tracer(value)


def _requires_grad(value: object) -> bool:
    """Tell whether a tensor requires grad, even if recording is off (``torch.no_grad``)."""
    return bool(getattr(value, "requires_grad", False))


def is_followed_by_torch(value: object) -> bool:
    """Tell whether torch records or differentiates computations on a value."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return False
    forward = torch.autograd.forward_ad
    return bool(
        torch._C._functorch.is_functorch_wrapped_tensor(value)
        or (value.requires_grad and torch.is_grad_enabled())
        or (forward._current_level >= 0 and forward.unpack_dual(value).tangent is not None)
    )


def is_tracer(value: object) -> bool:
    """Tell whether a value is one of JAX's tracers, inside jit, grad or vmap."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.core.Tracer)
