"""The array's type decides which backend computes, and nothing is imported on the way."""

import importlib.util
import os
import subprocess
import sys
import textwrap
import threading

import array_api_compat
import array_api_strict
import numpy as np
import pytest

from maha_core import dispatch
from maha_core.backend import Backend
from maha_core.dispatch import backend_of, use_backend
from maha_core.registry import REGISTRY

ARRAY_LIBRARIES = ("cupy", "dask", "jax", "numpy", "pandas", "scipy", "sklearn", "torch")


def run_python(script, **environment):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ---------------------------------------------------------------------------------------- imports


def test_importing_maha_core_imports_no_array_library_and_loads_no_plugin():
    loaded = run_python("""
        import sys
        import maha_core
        import maha_core.dispatch, maha_core.inventory
        maha_core.backends()
        print(sorted({name.partition(".")[0] for name in sys.modules}))
    """)
    assert "'maha_core'" in loaded
    for name in (*ARRAY_LIBRARIES, "maha_numpy"):
        assert f"'{name}'" not in loaded


@pytest.mark.parametrize("module", ["array_api_strict", "torch", "jax"])
def test_dispatch_imports_no_library_that_the_caller_has_not_imported(module):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    new = run_python(f"""
        import sys, {module}
        import array_api_compat
        from maha_core.dispatch import backend_of
        X = {module}.{"numpy." if module == "jax" else ""}ones((2, 2))
        array_api_compat.array_namespace(X)
        before = {{name.partition(".")[0] for name in sys.modules}}
        backend_of(X, "X")
        print(sorted({{name.partition(".")[0] for name in sys.modules}} - before))
    """)
    for name in (*ARRAY_LIBRARIES, "maha_numpy"):
        assert f"'{name}'" not in new


# ------------------------------------------------------------------------------------ which backend


def test_numpy_arrays_go_to_the_plugin():
    assert backend_of(np.zeros(1), "X") is REGISTRY.load("numpy")
    assert type(backend_of(np.zeros(1), "X")).__module__.startswith("maha_numpy")


def test_a_subclass_goes_where_its_base_goes(tmp_path):
    class Named(np.ndarray):
        pass

    assert backend_of(np.zeros(1).view(Named), "X") is backend_of(np.zeros(1), "X")
    mapped = np.memmap(tmp_path / "X", dtype=float, mode="w+", shape=(2, 2))
    assert backend_of(mapped, "X") is backend_of(np.zeros(1), "X")


def test_other_arrays_go_to_one_generic_backend_for_each_namespace():
    X = array_api_strict.asarray([[1.0]])
    backend = backend_of(X, "X")
    assert type(backend) is Backend
    assert backend.xp is array_api_strict
    assert backend_of(array_api_strict.asarray([1]), "Y") is backend


def test_a_library_that_maha_core_has_never_heard_of_is_served_by_the_standard():
    class Array:
        def __array_namespace__(self, api_version=None):
            return array_api_strict

    assert backend_of(Array(), "X").xp is array_api_strict


def test_without_its_plugin_a_library_is_served_by_the_standard():
    answer = run_python(
        """
        import numpy, sys
        from maha_core.dispatch import backend_of
        print(backend_of(numpy.zeros(1), "X").name, "maha_numpy" in sys.modules)
        """,
        MAHA_CORE_DISABLE_PLUGINS="numpy",
    )
    assert answer == "generic False"


def test_a_seen_type_asks_neither_the_registry_nor_the_order_of_its_bases(monkeypatch):
    class Watched(type):
        walks = 0

        @property
        def __mro__(cls):
            Watched.walks += 1
            return super().__mro__

    class Array(metaclass=Watched):
        def __array_namespace__(self, api_version=None):
            return array_api_strict

    X = Array()
    first = backend_of(X, "X")
    walked = Watched.walks
    assert walked > 0
    for name in ("_find", "_generic", "_plugin_name", "REGISTRY"):
        monkeypatch.delattr(dispatch, name)
    assert backend_of(X, "X") is first
    assert backend_of(Array(), "Y") is first
    assert Watched.walks == walked


def test_threads_that_meet_a_type_at_once_get_one_backend():
    namespace = array_api_compat.array_namespace(array_api_strict.asarray(1.0))
    classes = [
        type("Array", (), {"__array_namespace__": lambda self, api_version=None: namespace})
        for _ in range(50)
    ]
    found = []
    barrier = threading.Barrier(4)

    def dispatch_all():
        barrier.wait(60)
        found.extend(backend_of(cls(), "X") for cls in classes)

    threads = [threading.Thread(target=dispatch_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200
    assert len(set(map(id, found))) == 1


# -------------------------------------------------------------------------------- what is no array


class Frame:
    def to_numpy(self):
        raise AssertionError("nothing converts")


class Sparse:
    def toarray(self):
        raise AssertionError("nothing converts")


class Buffer:
    def __array__(self):
        raise AssertionError("nothing converts")


@pytest.mark.parametrize(
    ("value", "kind", "conversion"),
    [
        ([[1.0, 2.0]], "list", r"numpy\.asarray\(Y\)"),
        (((1.0,),), "tuple", r"numpy\.asarray\(Y\)"),
        (Frame(), r"test_dispatch\.Frame", r"Y\.to_numpy\(\)"),
        (Sparse(), r"test_dispatch\.Sparse", r"Y\.toarray\(\)"),
        (Buffer(), r"test_dispatch\.Buffer", r"numpy\.asarray\(Y\)"),
        (1.0, "float", "array"),
        ("text", "str", "array"),
        (None, "NoneType", "array"),
        (object(), "object", "array"),
        (Buffer, "type", "array"),
    ],
)
def test_what_is_no_array_is_refused_with_the_conversion_to_write(value, kind, conversion):
    with pytest.raises(TypeError, match=rf"^Y must be an array, not a .*{kind}; .*{conversion}"):
        backend_of(value, "Y")


def test_a_refusal_lists_what_would_be_accepted():
    with pytest.raises(TypeError, match=r"plugin serves \(.*numpy.*\) .*array API standard"):
        backend_of([1.0], "X")


def test_scipy_sparse_is_refused():
    sparse = pytest.importorskip("scipy.sparse")
    for matrix in (sparse.csr_array(np.eye(2)), sparse.csr_matrix(np.eye(2))):
        with pytest.raises(TypeError, match=r"^X is a scipy.*write X\.to(array|dense)\(\)"):
            backend_of(matrix, "X")


# ------------------------------------------------------------------------------------- use_backend


def test_generic_can_be_insisted_on():
    plugin = backend_of(np.zeros(1), "X")
    with use_backend("generic"):
        assert type(backend_of(np.zeros(1), "X")) is Backend
        with use_backend("numpy"):
            assert backend_of(np.zeros(1), "X") is plugin
        assert type(backend_of(np.zeros(1), "X")) is Backend
        with pytest.raises(TypeError, match="^X must be an array, not a list"):
            backend_of([1.0], "X")
    assert backend_of(np.zeros(1), "X") is plugin


def test_another_backend_must_serve_the_arrays_given():
    X = array_api_strict.asarray([1.0])
    backend_of(X, "X")
    with use_backend("numpy"):
        for value in (X, [1.0]):
            with pytest.raises(TypeError, match="^Y is a .*backend 'numpy' does not serve"):
                backend_of(value, "Y")
    assert backend_of(X, "X").xp is array_api_strict


@pytest.mark.parametrize("name", ["nunpy", "", None, ["numpy"]])
def test_an_unknown_name_is_refused_at_once(name):
    with pytest.raises(ValueError, match=r"there is no backend .*'numpy'.*'generic'"):
        use_backend(name)


def test_use_backend_is_local_to_its_context():
    found = []
    with use_backend("generic"):
        thread = threading.Thread(target=lambda: found.append(backend_of(np.zeros(1), "X")))
        thread.start()
        thread.join()
    assert found == [REGISTRY.load("numpy")]


def test_an_error_inside_restores_what_was():
    with pytest.raises(RuntimeError, match="inside"), use_backend("generic"):
        raise RuntimeError("inside")
    assert backend_of(np.zeros(1), "X") is REGISTRY.load("numpy")
