"""The reference shows members that are ours; what scikit-learn's bases bring is described there."""

from typing import Any

OURS = ("maha_core", "maha_numpy", "maha_dask")


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-skip-member", skips)
    return {"parallel_read_safe": True}


def skips(app: Any, what: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    """Tell that a member is left out; None leaves the decision to autodoc."""
    function = getattr(member, "fget", member)
    module = getattr(function, "__module__", None) or ""
    return None if module.startswith(OURS) else True
