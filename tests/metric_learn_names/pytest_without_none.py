"""A plugin for pytest: `pytest.warns(None)`, which pytest took up to version 7, for old tests."""

import warnings

import pytest

_warns = pytest.warns


def warns(expected=Warning, *args, **kwargs):
    if expected is None:
        return warnings.catch_warnings(record=True)
    return _warns(expected, *args, **kwargs)


pytest.warns = warns
