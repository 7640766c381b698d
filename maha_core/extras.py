"""The extras of maha_core, which bring further libraries, and how to install them."""


def install(extra: str) -> str:
    """Return the command that installs an extra, from the repository.

    Examples
    --------
    >>> install("learn")
    'pip install ".[learn]"'
    """
    return f'pip install ".[{extra}]"'


def missing(needs: str, library: str, extra: str) -> str:
    """Return what to say where a library is missing that only an extra brings."""
    return (
        f"{needs} needs {library}, which is not installed: {install(extra)} in maha_core's folder"
    )
