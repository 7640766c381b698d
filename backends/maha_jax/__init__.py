"""The JAX plugin of maha_core; on the CPU, NumPy's engine computes."""

from maha_jax.backend import JaxBackend

__all__ = ["JaxBackend"]
