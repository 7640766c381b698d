"""The table of functions and libraries, made from what the backends in this repository declare.

What a function asks of a backend is recorded from a small call. What a backend declares is read off
its source, so that no array library has to be installed: `@CupyBackend.register(Sqdist)` is an
algorithm of its own, one that returns `NoReturn` a refusal; a base that ends in `TileKernels` means
own products and passes on a tile; a `Door` hands arrays to the engine of another plugin.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import maha_core as mc
from maha_core.engine import Engine

BACKENDS = Path(__file__).parents[2] / "backends"
LIBRARIES = {
    "NumPy": "numpy",
    "torch, JAX on the CPU": "torch",
    "CuPy": "cupy",
    "Dask": "dask",
    "any other": "generic",
}


def setup(app: Any) -> dict[str, bool]:
    app.add_directive("backend-matrix", BackendMatrix)
    return {"parallel_read_safe": True}


class BackendMatrix(SphinxDirective):
    """``{backend-matrix}``: one row for each function, one column for each library."""

    def run(self) -> list[nodes.Node]:
        return [table(("function", *LIBRARIES), rows())]


def rows() -> Iterator[tuple[str, ...]]:
    """Yield a function's name, and how it is served for each library."""
    declared = {name: declaration(name) for name in LIBRARIES.values()}
    for name, call in calls().items():
        asked = operations(call)
        yield name, *(served(declared, library, asked) for library in LIBRARIES.values())


# -- what functions ask ----------------------------------------------------------------------------


def calls(array: Callable[[Any], Any] = np.asarray) -> dict[str, Callable[[], object]]:
    """Return a small call of every function, on the arrays of a library."""
    X, G, b, one = (array(values) for values in (np.eye(3), np.ones((3, 3)), np.ones(3), [1.0]))
    listed = array(np.array([0])), array(np.array([1]))
    kernel, loss, total = mc.kernels.Gaussian(), mc.losses.MLKR(b), mc.reductions.Sum(np.exp, b)
    metric = mc.Diagonal(b)
    return {
        "sqdist": lambda: mc.sqdist(X),
        "sqdist(pairs=)": lambda: mc.sqdist(X, pairs=listed),
        "dist": lambda: mc.dist(X),
        "nearest": lambda: mc.nearest(X, k=1),
        "within": lambda: mc.within(X, radius=2.0),
        "jacobian": lambda: mc.jacobian(X, metric=metric),
        "jacobian_slice": lambda: mc.jacobian_slice(X, metric=metric, index=(0,)),
        "jvp": lambda: mc.jvp(X, X_tangent=X),
        "jvp(pairs=)": lambda: mc.jvp(X, X_tangent=X, pairs=listed),
        "vjp": lambda: mc.vjp(X, cotangent=G),
        "vjp(pairs=)": lambda: mc.vjp(X, cotangent=one, pairs=listed),
        "value": lambda: mc.value(loss, X),
        "value_and_grad": lambda: mc.value_and_grad(loss, X),
        "hvp": lambda: mc.hvp(loss, X, X_tangent=X),
        "reduce": lambda: mc.reduce(total, X),
        "reduce_vjp": lambda: mc.reduce_vjp(total, X, cotangent=b),
        "kernel_matrix": lambda: mc.kernel_matrix(kernel, X),
        "KernelOperator @ b": lambda: mc.KernelOperator(kernel, X) @ b,
        "kernel_gradient": lambda: mc.kernel_gradient(kernel, X, X + 1, values=b),
    }


def operations(call: Callable[[], object]) -> list[str]:
    """Return the names of the operations of a call: what it asks, and what that is made of."""
    asked: list[str] = []
    run = Engine.run

    def recorded(backend: Engine, problem: Any, operation: Any) -> Any:
        asked.append(type(operation).__name__)
        return run(backend, problem, operation)

    with mc.use_backend("generic"), mock.patch.object(Engine, "run", recorded):
        call()
    return asked


# -- what backends declare -------------------------------------------------------------------------

Declaration = tuple[dict[str, bool], set[str]]
"""Own algorithms by operation, True for a refusal; and the names of the class's bases."""


def declaration(name: str) -> Declaration:
    """Return what the source of a plugin declares; nothing for the generic backend."""
    trees = [ast.parse(file.read_text()) for file in (BACKENDS / f"maha_{name}").glob("*.py")]
    found = [node for tree in trees for node in ast.walk(tree)]
    own = {
        decorator.args[0].id: refuses(node)
        for node in found
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if is_registration(decorator)
    }
    classes = [n for n in found if isinstance(n, ast.ClassDef) and n.name.endswith("Backend")]
    return own, {base.id for c in classes for base in c.bases if isinstance(base, ast.Name)}


def is_registration(decorator: ast.expr) -> bool:
    """Tell whether a decorator is `SomeBackend.register(Operation)`."""
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
        "Backend.register"
    )


def refuses(node: ast.FunctionDef) -> bool:
    return node.returns is not None and ast.unparse(node.returns) == "NoReturn"


def served(declared: dict[str, Declaration], library: str, asked: list[str]) -> str:
    """Return how a call is served for a library: of several operations, the least of them."""
    own, bases = declared[library]
    if "Door" in bases:
        return f"NumPy's: {served(declared, 'numpy', asked)}"
    parts = asked[:1] if asked[0] in own else asked[1:] or asked
    otherwise = "native tiles" if any(base.endswith("TileKernels") for base in bases) else "generic"
    found = [("refused" if own[part] else "native") if part in own else otherwise for part in parts]
    return max(found, key=("native", "native tiles", "generic", "refused").index)


# -- the table -------------------------------------------------------------------------------------


def table(head: tuple[str, ...], body: Iterator[tuple[str, ...]]) -> nodes.table:
    """Return a table, the first column as code."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", row(head, nodes.Text))
    group += nodes.tbody("", *(row(cells, lambda text: nodes.literal("", text)) for cells in body))
    return nodes.table("", group)


def row(cells: tuple[str, ...], first: Callable[[str], nodes.Node]) -> nodes.row:
    inside = [first(cells[0]), *map(nodes.Text, cells[1:])]
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", node)) for node in inside))
