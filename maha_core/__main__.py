"""``python -m maha_core``: which array libraries are installed, and how each is served."""

from __future__ import annotations

import argparse
from importlib import metadata
from importlib.util import find_spec

from maha_core.inventory import backends
from maha_core.version import version

BY_THE_STANDARD = "served by the generic backend"
OTHERS = {
    "array_api_strict": BY_THE_STANDARD,
    "cubed": BY_THE_STANDARD,
    "dpnp": BY_THE_STANDARD,
    "ndonnx": BY_THE_STANDARD,
    "h5py": "write dask.array.from_array(dataset), or dataset[:]",
    "pandas": "write frame.to_numpy()",
    "polars": "write frame.to_numpy()",
    "scipy": "sparse arrays: write array.toarray()",
    "sparse": "write array.todense()",
    "tensorflow": "write tensor.numpy()",
    "xarray": "write array.data",
    "zarr": "write dask.array.from_zarr(array), or array[:]",
}
"""What has no plugin, and how its arrays come to maha_core."""


def main() -> None:
    """Print the table of backends, and the other libraries that are installed."""
    parser = argparse.ArgumentParser(prog="python -m maha_core", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"maha_core {version()}")
    parser.parse_args()
    print(backends(check=True))
    found = others()
    if found:
        print("\nWithout a plugin of their own:")
        print("\n".join(f"{library}: {how}" for library, how in found.items()))


DESCRIPTION = """Show which array libraries are installed, which backend computes on the arrays of
each, and what to write for arrays that have none. A library that is not installed is no error: no
other needs it."""


def others() -> dict[str, str]:
    """Return the installed libraries that have no plugin, with their versions; none is imported."""
    return {
        f"{module} {_version(module)}".strip(): how
        for module, how in OTHERS.items()
        if find_spec(module) is not None
    }


def _version(module: str) -> str:
    names = metadata.packages_distributions().get(module, [])
    return metadata.version(names[0]) if names else ""


if __name__ == "__main__":
    main()
