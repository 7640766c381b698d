"""Whether a program of another library differentiates or traces an array at the moment."""

import sys


def is_followed(value: object) -> bool:
    """Tell whether an array is more than its numbers to the library that it comes from.

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
    """Tell whether a tensor requires grad, even where that is not recorded just now."""
    return bool(getattr(value, "requires_grad", False))


def is_followed_by_torch(value: object) -> bool:
    """Tell whether torch records or differentiates what is computed of a value."""
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
