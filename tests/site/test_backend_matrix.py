"""The table of functions and libraries says "refused" exactly where a call is refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sphinx", reason="Sphinx is not installed: `nox -s docs` runs this")
sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "extensions"))

import backend_matrix


def as_dask(values: object) -> object:
    return pytest.importorskip("dask.array").from_array(np.asarray(values))


ARRAYS = {"NumPy": np.asarray, "Dask": as_dask}
SERVED = {name: dict(zip(backend_matrix.LIBRARIES, served, strict=True))
          for name, *served in backend_matrix.rows()}  # fmt: skip


@pytest.mark.parametrize("function", SERVED)
@pytest.mark.parametrize("arrays", ARRAYS)
def test_refused_is_refused(arrays: str, function: str) -> None:
    call = backend_matrix.calls(ARRAYS[arrays])[function]
    if SERVED[function][arrays] == "refused":
        with pytest.raises(TypeError):
            call()
    else:
        call()


def test_every_function_of_arrays_is_in_the_table() -> None:
    import maha_core as mc

    others = {"backends", "options", "target_neighbors", "use_backend"}
    functions = {name for name in mc.__all__ if name[0].islower() and callable(getattr(mc, name))}
    rows = {name.split("(")[0].split(" ")[0] for name in SERVED}
    assert functions - others <= rows
