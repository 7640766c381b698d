"""The contestants, one file each; a file enters what it offers when it is imported."""

from __future__ import annotations

from importlib import import_module

FILES = {
    "maha_core": "ours",
    "products": "products",
    "numpy": "numpy_lines",
    "scipy": "scipy_distances",
    "sklearn": "sklearn_distances",
    "torch": "torch_autograd",
    "jax": "jax_jit",
    "keops": "keops_lazy",
    "faiss": "faiss_flat",
}


def enter_one(library: str) -> None:
    """Import one contestant alone, so that a process holds no other's libraries."""
    import_module(f"{__name__}.{FILES[library]}")


def enter_all() -> dict[str, str]:
    """Import every contestant, and return why some are absent."""
    absent = {}
    for library in FILES:
        try:
            enter_one(library)
        except ImportError as error:
            absent[library] = str(error)
    return absent
