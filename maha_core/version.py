"""The version of maha_core."""

from importlib import metadata

DISTRIBUTION = "maha-core"


def version() -> str:
    """Return the installed version; a placeholder if only the source is on the path."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0+not.installed"
