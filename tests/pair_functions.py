"""Functions of one pair as text, in a form that NumPy, symbols and mpmath all understand."""

import mpmath
from hypothesis import strategies as st

LEAVES = ("D", "a", "b", "np.sqrt(D)", "D ** 0.7", "D ** 1.5")
NUMBERS = ("0.5", "-1.5", "3")
POWERS = ("-2.5", "-1", "-0.5", "0.3", "0.5", "1.5", "2", "3", "9")
SQUARE = "({0} * {0} + 0.25)"  # positive
UNARY = (
    "-{0}",
    "np.tanh({0})",
    "np.abs({0})",
    "np.sign({0})",
    "np.square({0})",
    "{0} ** 3",
    "np.exp(-np.square({0}))",
    "np.expm1(-np.abs({0}))",
    f"np.log({SQUARE})",
    "np.log1p(np.square({0}))",
    f"np.sqrt({SQUARE})",
    f"np.reciprocal({SQUARE})",
    "np.clip({0}, -0.7, 1.3)",
    *(f"{SQUARE} ** {p}" for p in POWERS),
    *(f"{{0}} * {x}" for x in NUMBERS),
    *(f"{x} - {{0}}" for x in NUMBERS),
    *(f"{{0}} / {x}" for x in NUMBERS),
    *(f"{x} / {SQUARE}" for x in NUMBERS),
    *(f"np.logaddexp({{0}}, {x})" for x in NUMBERS),
    *(f"{x} ** np.tanh({{0}})" for x in NUMBERS if x != "-1.5"),
)
BINARY = (
    "{0} + {1}",
    "{0} - {1}",
    "{0} * {1}",
    f"{{1}} / {SQUARE}",
    "np.maximum({0}, {1})",
    "np.minimum({0}, {1})",
    "np.logaddexp({0}, {1})",
    f"{SQUARE} ** np.tanh({{1}})",
    "np.where(np.greater({0}, {1}), {0}, np.exp(-np.abs({1})))",
    "np.where(np.logical_not(np.less({0}, 0.3)), {1}, 2.0)",
    "np.multiply(np.less_equal({0}, {1}), {1})",
)


def _larger(part):
    one = st.builds(lambda form, x: f"({form.format(x)})", st.sampled_from(UNARY), part)
    two = st.builds(
        lambda form, x, y: f"({form.format(x, y)})", st.sampled_from(BINARY), part, part
    )
    return one | two


TEXTS = st.recursive(st.sampled_from(LEAVES), _larger, max_leaves=8)


def function(text, namespace):
    """Return the function of D, a and b that a text says, in a namespace."""
    return eval(f"lambda D, a, b: {text}", {"np": namespace})


class KinkError(Exception):
    """The functions cannot be differentiated here, or nearly so."""


def moderate(x):
    """Return a number whose exponential has an exponent of its own that mpmath can hold."""
    if abs(x) > 1e6:
        raise KinkError
    return x


class Analytic:
    """NumPy's functions on mpmath's complex numbers: along a branch all of them are analytic."""

    log, sqrt = staticmethod(mpmath.log), staticmethod(mpmath.sqrt)

    def exp(self, x):
        return mpmath.exp(moderate(x))

    def expm1(self, x):
        return mpmath.expm1(moderate(x))

    def tanh(self, x):
        return mpmath.tanh(moderate(x))

    def log1p(self, x):
        return mpmath.log(1 + x)

    def logaddexp(self, x, y):
        return mpmath.log(self.exp(x) + self.exp(y))

    def square(self, x):
        return x * x

    def reciprocal(self, x):
        return 1 / mpmath.mpmathify(x)

    def multiply(self, x, y):
        return x * y

    def greater(self, x, y):
        difference = mpmath.re(x) - mpmath.re(y)
        if abs(difference) < 1e-9:
            raise KinkError
        return difference > 0

    def less(self, x, y):
        return self.greater(y, x)

    less_equal = less

    def logical_not(self, x):
        return not x

    def where(self, condition, x, y):
        return x if condition else y

    def maximum(self, x, y):
        return x if x is y or self.greater(x, y) else y

    def minimum(self, x, y):
        return y if x is y or self.greater(x, y) else x

    def clip(self, x, lower, upper):
        return self.minimum(self.maximum(x, lower), upper)

    def sign(self, x):
        return self.where(self.greater(x, 0), mpmath.mpf(1), mpmath.mpf(-1))

    def abs(self, x):
        return x if self.greater(x, 0) else -x


def matern(x, polynomial):
    """Return a Matern function of x = r^2."""
    r = mpmath.sqrt(x)
    return polynomial(r) * mpmath.exp(-r)


EXACTLY = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: mpmath.mpf(x) / y,
    "power": mpmath.power,
    "negative": lambda x: -x,
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": lambda x: mpmath.log(1 + x),
    "sqrt": mpmath.sqrt,
    "tanh": mpmath.tanh,
    "abs": abs,
    "sign": mpmath.sign,
    "logaddexp": lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y)),
    "matern32": lambda x: matern(x, lambda r: 1 + r),
    "matern52": lambda x: matern(x, lambda r: 1 + r + r * r / 3),
    "maximum": max,
    "minimum": min,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "equal": lambda x, y: x == y,
    "not_equal": lambda x, y: x != y,
    "logical_and": lambda x, y: x and y,
    "logical_or": lambda x, y: x or y,
    "logical_not": lambda x: not x,
    "where": lambda c, x, y: x if c else y,
    "real": mpmath.mpf,
}
"""Every operation on mpmath's real numbers."""


def exactly(expression, inputs):
    """Return an expression's value in mpmath's precision."""
    if expression.operation == "input":
        return mpmath.mpf(inputs[expression.value])
    if expression.operation == "constant":
        return expression.value if expression.kind == "bool" else mpmath.mpf(expression.value)
    arguments = [exactly(part, inputs) for part in expression.arguments]
    return EXACTLY[expression.operation](*arguments)
