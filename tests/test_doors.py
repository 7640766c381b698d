"""torch tensors and JAX arrays on the CPU: NumPy's engine computes in their own memory."""

import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import forms
import libraries
import maha_core as mc
from maha_core import losses, reductions

DOORS = ("torch", "jax")
FORMS = ("euclidean", *forms.CLASSES)
N, M, D = 37, 23, 3


@pytest.fixture(scope="module", params=DOORS)
def door(request):
    """A library whose arrays are lent to NumPy's engine."""
    return libraries.load(request.param)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def jax():
    libraries.load("jax")
    return pytest.importorskip("jax")


def drawn(dtype, n=N, m=M, d=D):
    rng = np.random.default_rng(7)
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)  # noqa: E731
    X, square = draw(n, d), draw(d, d)
    X[1] = X[0]  # a pair that the guard recomputes
    parameters = {
        "euclidean": None,
        "full": square @ square.T,
        "factor": draw(2, d),
        "diagonal": draw(d) ** 2,
        "covariance": square @ square.T + np.eye(d, dtype=dtype),
    }
    i, j = rng.integers(0, n, 11), rng.integers(0, m, 11)
    labels = np.arange(n) % 3
    arrays = {
        "X": X,
        "Y": draw(m, d),
        "G": draw(n, m),
        "dX": draw(n, d),
        "y": draw(n),
        "y_Y": draw(m),
        "B": draw(m, 2),
        "i": i,
        "j": j,
        "labels": labels,
    }
    return arrays, parameters


def untraceable(D, a, b):
    """A loss that branches on its type, as a function of the user's library."""
    xp = libraries.array_api_compat.array_namespace(D)
    if float(xp.max(D)) < 0:
        raise AssertionError
    return xp.exp(-D) * a * b, -xp.exp(-D) * a * b


def of_loss(loss, p, *Y, **more):
    wrt = ("X",) if p["metric"] is None else ("metric", "X")
    return mc.value_and_grad(loss, p["X"], *Y, metric=p["metric"], wrt=wrt, **more)


def with_metric(function):
    return lambda p: None if p["metric"] is None else function(p)


OPERATIONS = {
    "sqdist": lambda p: mc.sqdist(p["X"], metric=p["metric"]),
    "sqdist to Y": lambda p: mc.sqdist(p["X"], p["Y"], metric=p["metric"]),
    "sqdist of pairs": lambda p: mc.sqdist(
        p["X"], p["Y"], metric=p["metric"], pairs=(p["i"], p["j"])
    ),
    "dist": lambda p: mc.dist(p["X"], p["Y"], metric=p["metric"]),
    "nearest": lambda p: mc.nearest(p["X"], p["Y"], metric=p["metric"], k=3),
    "within": lambda p: mc.within(p["X"], p["Y"], metric=p["metric"], radius=1.5, sort=True),
    "jacobian": with_metric(lambda p: mc.jacobian(p["X"], p["Y"], metric=p["metric"])),
    "jacobian_slice": with_metric(
        lambda p: mc.jacobian_slice(
            p["X"], p["Y"], metric=p["metric"], index=(1,) * p["metric"].parameter.ndim
        )
    ),
    "jvp": lambda p: mc.jvp(p["X"], p["Y"], metric=p["metric"], X_tangent=p["dX"]),
    "vjp": lambda p: mc.vjp(
        p["X"], p["Y"], metric=p["metric"], cotangent=p["G"], wrt=("X", "Y"), of="dist"
    ),
    "vjp of the metric": with_metric(
        lambda p: mc.vjp(p["X"], p["Y"], metric=p["metric"], cotangent=p["G"])
    ),
    "MLKR": lambda p: of_loss(losses.MLKR(p["y"]), p),
    "MLKR to Y": lambda p: of_loss(losses.MLKR(p["y"], p["y_Y"]), p, p["Y"]),
    "NCA": lambda p: of_loss(losses.NCA(p["labels"]), p),
    "LMNN": lambda p: of_loss(
        losses.LMNN(p["labels"], mc.target_neighbors(p["X"], p["labels"], k=2)), p
    ),
    "Pairwise": lambda p: of_loss(losses.Pairwise(lambda D: np.exp(-D)), p),
    "Pairwise by arrays": lambda p: of_loss(losses.Pairwise(untraceable, data=p["y"]), p),
    "value": lambda p: mc.value(losses.MLKR(p["y"]), p["X"], metric=p["metric"]),
    "hvp": lambda p: mc.hvp(
        losses.MLKR(p["y"]), p["X"], metric=p["metric"], X_tangent=p["dX"], wrt="X"
    ),
    "kernel_matrix": lambda p: mc.kernel_matrix(
        mc.kernels.Matern32(), p["X"], p["Y"], metric=p["metric"]
    ),
    "kernel of D": lambda p: mc.kernels.Laplace()(mc.sqdist(p["X"], p["Y"])),
    "kernel_gradient": lambda p: mc.kernel_gradient(
        mc.kernels.Gaussian(), p["X"], p["Y"], values=p["B"], metric=p["metric"]
    ),
    "K B": lambda p: (
        mc.KernelOperator(mc.kernels.Gaussian(), p["X"], p["Y"], metric=p["metric"]) @ p["B"]
    ),
    "diagonal of K": lambda p: mc.KernelOperator(
        mc.kernels.Gaussian(), p["X"], p["Y"], metric=p["metric"]
    ).diagonal(),
    "reduce": lambda p: mc.reduce(
        reductions.SoftmaxMean(p["B"]), p["X"], p["Y"], metric=p["metric"]
    ),
    "reduce_vjp": lambda p: mc.reduce_vjp(
        reductions.SoftmaxMean(p["y_Y"]),
        p["X"],
        p["Y"],
        metric=p["metric"],
        cotangent=p["y"],
        wrt=("X", "values"),
    ),
    "embed": with_metric(lambda p: p["metric"].embed(p["X"])),
    "matrix": with_metric(lambda p: p["metric"].matrix()),
    "to_factor": with_metric(lambda p: p["metric"].to_factor().parameter),
    "from_points": lambda p: mc.Covariance.from_points(p["X"], ridge=0.1).parameter,
    "target_neighbors": lambda p: mc.target_neighbors(p["X"], p["labels"], k=2),
}


def leaves(result):
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in leaves(part)]
    return [] if result is None else [result]


def arguments(convert, dtype, form):
    arrays, parameters = drawn(dtype)
    parameter = parameters[form]
    metric = None if parameter is None else forms.metric(form, convert(parameter))
    return {name: convert(values) for name, values in arrays.items()} | {"metric": metric}


CASES = [(name, "float64") for name in OPERATIONS] + [
    (name, "float32") for name in ("sqdist", "dist", "MLKR", "nearest", "within", "K B")
]


@pytest.mark.parametrize("tile_bytes", [None, 400])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_the_same_bits_as_for_the_same_numbers_in_numpy(door, name, form, dtype, tile_bytes):
    operation = OPERATIONS[name]
    with mc.options(tile_bytes=tile_bytes):
        expected = leaves(operation(arguments(np.array, dtype, form)))
        found = leaves(operation(arguments(door.array, dtype, form)))
    assert len(found) == len(expected)
    for ours, numpys in zip(found, expected, strict=True):
        values = door.numpy(ours)
        assert values.dtype == numpys.dtype
        assert values.shape == numpys.shape
        if name == "Pairwise by arrays":  # its exp is the library's
            np.testing.assert_allclose(values, numpys, rtol=1e-12)
        else:
            np.testing.assert_array_equal(values, numpys)


@pytest.mark.parametrize("name", ["sqdist", "MLKR", "nearest", "to_factor", "Pairwise by arrays"])
def test_insisting_on_the_plugin_or_on_the_generic_path(door, name):
    given = arguments(door.array, "float64", "full")
    expected = leaves(OPERATIONS[name](given))
    for backend in (door.name, "generic"):
        with mc.use_backend(backend):
            found = leaves(OPERATIONS[name](given))
        for ours, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(door.numpy(ours), door.numpy(other), rtol=1e-9)


def test_a_function_of_the_users_may_call_us_under_use_backend(door):
    def f(D):
        mc.sqdist(door.array(np.eye(2)), metric=mc.Full(door.array(np.eye(2))))
        return D * 1.0, D * 0 + 1

    X = door.array(drawn("float64")[0]["X"])
    with mc.use_backend(door.name):
        value = mc.value(losses.Pairwise(f), X)
    assert float(value) == pytest.approx(float(door.numpy(mc.sqdist(X)).sum()))


def test_without_numpys_plugin_everything_is_generic(door, monkeypatch):
    from maha_core.registry import REGISTRY

    own = {name: plugin for name, plugin in REGISTRY._loaded.items() if name != "numpy"}
    monkeypatch.setattr(REGISTRY, "_loaded", own)
    monkeypatch.setitem(REGISTRY.__dict__, "enabled", {door.name: []})
    X = drawn("float64")[0]["X"]
    found = mc.sqdist(door.array(X), metric=mc.Full(door.array(np.eye(D))))
    difference = X[:, None] - X[None]
    np.testing.assert_allclose(door.numpy(found), (difference**2).sum(-1), atol=1e-12)


def test_metrics_and_results_can_be_pickled(door):
    metric = mc.Factor(door.array(np.eye(2, D)))
    again = pickle.loads(pickle.dumps(metric))
    D2 = mc.sqdist(door.array(drawn("float64")[0]["X"]), metric=again)
    np.testing.assert_array_equal(
        door.numpy(pickle.loads(pickle.dumps(D2))), np.array(door.numpy(D2))
    )


def test_two_threads_at_once(door):
    given = arguments(door.array, "float64", "factor")
    expected = [door.numpy(leaf) for leaf in leaves(OPERATIONS["MLKR"](given))]
    with ThreadPoolExecutor(2) as pool:
        every = list(pool.map(lambda _: leaves(OPERATIONS["MLKR"](given)), range(8)))
    for found in every:
        for ours, first in zip(found, expected, strict=True):
            np.testing.assert_array_equal(door.numpy(ours), first)


def test_a_library_that_is_not_installed_is_named():
    program = """
import importlib.abc, sys
class Without(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("torch", "jax"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
import maha_core as mc
for found in mc.backends(check=True):
    if found.name in ("torch", "jax", "jaxlib"):
        module = found.name[:3] if found.name != "torch" else "torch"
        assert not found.works
        assert found.reason == f"not installed; for its arrays: pip install {module}", found.reason
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", DOORS)
def test_the_inventory_tells_version_and_devices(name):
    libraries.load(name)
    (found,) = (backend for backend in mc.backends(check=True) if backend.name == name)
    assert found.works
    assert found.version == sys.modules[name].__version__
    assert found.devices[0].startswith("cpu")
    assert "numpy" in found.reason


# ----------------------------------------------------------------------------- the user's functions


def test_a_function_that_cannot_be_traced_is_given_the_users_arrays(door):
    seen = []

    def f(D, a, b):
        float(D[0, 0])  # not for tracing
        seen.append([door.owns(part) for part in (D, a, b)])
        return untraceable(D, a, b)

    given = arguments(door.array, "float64", "euclidean")
    mc.value(losses.Pairwise(f, data=given["y"]), given["X"])
    assert seen
    assert all(map(all, seen))


def test_what_a_function_raises_arrives(door):
    def f(D):
        if float(D[0, 0]) >= 0:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mc.value(losses.Pairwise(f), door.array(np.eye(4)))
    assert door.owns(mc.sqdist(door.array(np.eye(4))))


def test_arrays_of_jax_that_a_function_keeps_never_change(jax):
    kept = []

    def f(D):
        float(D[0, 0])
        kept.append((D, np.array(D)))
        return D, D * 0 + 1

    X = jax.numpy.asarray(np.random.default_rng(0).standard_normal((60, 2)))
    with mc.options(tile_bytes=1024, threads=1):
        mc.value_and_grad(losses.Pairwise(f), X)
    assert len(kept) > 4
    for array, at_once in kept:
        np.testing.assert_array_equal(np.asarray(array), at_once)


# -------------------------------------------------------------------------------- nothing is copied


def traced_peak(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_inputs_are_not_copied(door):
    X = np.random.default_rng(0).standard_normal((100_000, 40))
    own = door.array(X)
    i = door.array(np.arange(5))
    listed = lambda: mc.sqdist(own, pairs=(i, i + 1))  # noqa: E731
    with mc.options(check_finite=False):
        listed()
        few = traced_peak(listed)
        expected = traced_peak(lambda: mc.sqdist(X, pairs=(np.arange(5), np.arange(1, 6))))
    assert few < expected + X.nbytes / 20


@pytest.mark.parametrize(
    "function", [mc.sqdist, lambda X: mc.kernel_matrix(mc.kernels.Gaussian(), X)]
)
def test_d_is_handed_over_in_its_own_memory(door, function, monkeypatch):
    from maha_core.dispatch import backend_of

    X = door.array(np.random.default_rng(0).standard_normal((700, 3)))
    backend, handed = backend_of(X, "X"), []
    taken = type(backend).taken

    def noted(self, value, like):
        found = taken(self, value, like)
        handed.append((value, found))
        return found

    monkeypatch.setattr(type(backend), "taken", noted)
    D2 = function(X)
    (value,) = (value for value, found in handed if found is D2)
    address = D2.data_ptr() if door.name == "torch" else D2.unsafe_buffer_pointer()
    assert address == value.ctypes.data


def test_inputs_are_never_written(door):
    arrays, _ = drawn("float64")
    given = arguments(door.array, "float64", "factor")
    for name in ("sqdist", "dist", "MLKR", "vjp", "hvp", "reduce_vjp", "Pairwise by arrays"):
        OPERATIONS[name](given)
    for name, values in arrays.items():
        np.testing.assert_array_equal(door.numpy(given[name]), values)


# -------------------------------------------------------------------------------------------- torch


@pytest.fixture
def X_torch(torch):
    return torch.tensor(drawn("float64")[0]["X"])


def layouts(torch, values):
    """Return the same numbers in memory that is laid out in other ways."""
    t = torch.tensor(values)
    wide = torch.zeros(values.shape[0] * 2, values.shape[1] * 3, dtype=t.dtype)
    wide[::2, ::3] = t
    return {
        "transposed": t.T.contiguous().T,
        "every third": wide[::2, ::3],
        "negated": torch._neg_view(-t),
        "imaginary part": torch.complex(torch.zeros_like(t), -t).conj().imag,
        "parameter": torch.nn.Parameter(t, requires_grad=False),
    }


@pytest.mark.parametrize("name", ["sqdist", "MLKR", "K B", "nearest", "to_factor"])
@pytest.mark.parametrize(
    "layout", ["transposed", "every third", "negated", "imaginary part", "parameter"]
)
def test_torch_memory_of_any_layout(torch, name, layout):
    def convert(values):
        if values.ndim < 2 or values.dtype.kind != "f":
            return torch.tensor(values)
        return layouts(torch, values)[layout]

    expected = leaves(OPERATIONS[name](arguments(torch.tensor, "float64", "full")))
    found = leaves(OPERATIONS[name](arguments(convert, "float64", "full")))
    for ours, plain in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("function", [mc.sqdist, mc.dist])
def test_out_is_the_very_tensor_that_was_given(torch, X_torch, function):
    for out in (torch.empty(N, N).double(), torch.empty(N, 2 * N).double()[:, ::2]):
        before = out._version
        assert function(X_torch, out=out) is out
        assert torch.equal(out, function(X_torch))
        assert out._version > before  # or autograd would use what it kept


def test_out_may_lie_between_the_columns_of_x(torch):
    memory = torch.randn(6, 9, dtype=torch.float64)
    X, out = memory[:, :3], memory[:, 3:]
    before = X.clone()
    assert mc.sqdist(X, out=out) is out
    assert torch.equal(X, before)
    with pytest.raises(ValueError, match="out overlaps X"):
        mc.sqdist(X, out=memory[:, 2:8])


def test_out_that_does_not_hold_its_numbers_is_refused(torch, X_torch):
    negated = torch._neg_view(torch.zeros(N, N, dtype=torch.float64))
    with pytest.raises(ValueError, match="out has its negative bit set"):
        mc.sqdist(X_torch, out=negated)
    with pytest.raises(ValueError, match="out is an expanded tensor"):
        mc.sqdist(X_torch, out=torch.zeros(1, dtype=torch.float64).expand(N, N))


def test_torch_under_inference_mode(torch):
    with torch.inference_mode():
        X = torch.randn(4, 2)
        out = torch.empty(4, 4)
        assert mc.sqdist(X, out=out) is out
        assert mc.dist(X).is_inference()


def test_torchs_threads_are_left_alone(torch, X_torch):
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            mc.value_and_grad(losses.MLKR(X_torch[:, 0]), X_torch)
            mc.sqdist(torch.randn(600, 64))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "complex64"])
def test_other_dtypes_of_torch_are_refused(torch, dtype):
    with pytest.raises(TypeError, match=f"X has dtype torch.{dtype}"):
        mc.sqdist(torch.ones(3, 2, dtype=getattr(torch, dtype)))


# ---------------------------------------------------------------------------------------------- JAX


def test_out_is_refused_for_jax(jax):
    with pytest.raises(TypeError, match="cannot be written"):
        mc.sqdist(jax.numpy.eye(2), out=jax.numpy.zeros((2, 2)))


def test_results_of_jax_do_not_change_by_later_calls(jax):
    X = jax.numpy.asarray(drawn("float64")[0]["X"])
    found = mc.sqdist(X)
    before = np.array(found)
    root = mc.dist(X)
    for _ in range(3):
        mc.sqdist(X + 1)
    np.testing.assert_array_equal(np.asarray(found), before)
    np.testing.assert_array_equal(np.asarray(root), np.sqrt(before))


def test_jax_in_its_default_precision_counts_in_32_bits(jax):
    with jax.enable_x64(False):
        X = jax.numpy.asarray(np.random.default_rng(0).standard_normal((40, 2)))
        assert X.dtype == "float32"
        found = mc.nearest(X, k=3)
        near = mc.within(X, radius=0.5)
        assert {found.index.dtype, near.index.dtype, near.indptr.dtype} == {np.dtype("int32")}
        assert found.sqdist.dtype == mc.value(losses.MLKR(X[:, 0]), X).dtype == "float32"


def test_keys_of_jax_are_no_numbers(jax):
    with pytest.raises(TypeError, match="X is a JAX array of key"):
        mc.sqdist(jax.random.key(0))


PROGRAM = """
import jax, numpy as np
import maha_core as mc
from jax.sharding import Mesh, NamedSharding, PartitionSpec

first, second = jax.devices()
x = np.random.default_rng(0).standard_normal((6, 3)).astype("float32")
X = jax.device_put(x, second)
found = mc.nearest(X, k=2)
results = [mc.sqdist(X), mc.dist(X), found.index, mc.value(mc.losses.MLKR(X[:, 0]), X)]
results.append(mc.Full(jax.device_put(np.eye(3, dtype="float32"), second)).to_factor().parameter)
assert all(r.devices() == {second} for r in results), [r.devices() for r in results]
try:
    mc.sqdist(X, jax.device_put(x, first))
except ValueError as error:
    assert "Y lives on device" in str(error)
else:
    raise AssertionError
sharding = NamedSharding(Mesh(np.array([first, second]), ("rows",)), PartitionSpec("rows"))
D = mc.sqdist(jax.device_put(x, sharding))
np.testing.assert_allclose(D, mc.sqdist(x), atol=1e-5)
"""


def test_two_devices_of_jax_and_an_array_on_both(jax):
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_jax_arrays_from_two_threads_are_not_mixed_up(jax):
    found, barrier = {}, threading.Barrier(2)

    def work(number):
        X = jax.numpy.full((50, 2), float(number)) * jax.numpy.arange(50.0)[:, None]
        barrier.wait()
        found[number] = np.asarray(mc.sqdist(X))[0, 1]

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {1: 2.0, 3: 18.0}
