"""Functions of the user's that close over arrays which another library differentiates.

Nothing is recorded for such an array: a derivative in it would silently be 0.
"""

import numpy as np
import pytest

import libraries
import maha_core as mc
from maha_core import kernels, losses, reductions

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own
X = np.random.default_rng(0).standard_normal((6, 3))

USES = {
    "Pairwise": lambda X, s: mc.value(losses.Pairwise(lambda D: s * D), X),
    "Pairwise of arrays": lambda X, s: mc.value(losses.Pairwise(lambda D: (s * D, 0 * D + s)), X),
    "a power": lambda X, s: mc.value(losses.Pairwise(lambda D: D**s), X),
    "Sum": lambda X, s: mc.reduce(reductions.Sum(lambda D: s * D), X).sum(),
    "SoftmaxMean": lambda X, s: mc.reduce(
        reductions.SoftmaxMean(X[:, 0], e=lambda D: -s * D), X
    ).sum(),
    "a kernel's matrix": lambda X, s: mc.kernel_matrix(kernels.Kernel(lambda D: s * D), X).sum(),
    "a kernel": lambda X, s: kernels.Kernel(lambda D: s * D)(X**2).sum(),
}


def of_torch(use):
    torch = pytest.importorskip("torch")
    points, s = torch.asarray(X), torch.asarray(2.0, dtype=torch.float64)
    return lambda s: use(points, s), s


def reverse_in_torch(f, s):
    return f(s.clone().requires_grad_())


def func_grad(f, s):
    return pytest.importorskip("torch").func.grad(f)(s)


def func_jvp(f, s):
    return pytest.importorskip("torch").func.jvp(f, (s,), (s,))


@pytest.mark.parametrize("differentiated", [reverse_in_torch, func_grad, func_jvp])
@pytest.mark.parametrize("name", USES)
def test_a_tensor_that_is_differentiated_is_not_closed_over(name, differentiated):
    f, s = of_torch(USES[name])
    assert np.isfinite(float(f(s)))
    with pytest.raises(TypeError, match="arguments|grad"):
        differentiated(f, s)


@pytest.mark.parametrize("transform", ["grad", "jit", "jacfwd"])
@pytest.mark.parametrize("name", USES)
def test_a_tracer_is_not_closed_over(name, transform):
    jax = pytest.importorskip("jax")
    libraries.load("jax")
    points = jax.numpy.asarray(X)

    def f(s):
        return USES[name](points, s)

    assert np.isfinite(f(jax.numpy.asarray(2.0)))
    with pytest.raises(TypeError, match="arguments"):
        getattr(jax, transform)(f)(2.0)
