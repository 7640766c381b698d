"""The JAX plugin of maha_core: arrays on the CPU are computed on by NumPy's engine."""

from maha_jax.backend import JaxBackend

__all__ = ["JaxBackend"]
