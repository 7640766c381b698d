"""The gallery's scripts write pictures where the command line says; this shows them on a page."""

import builtins
import shutil
import tempfile
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst

FOLDER = Path(tempfile.mkdtemp(prefix="maha_core_gallery_"))


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", lambda app, error: shutil.rmtree(FOLDER, ignore_errors=True))
    return {"parallel_read_safe": True}


def arguments(gallery_conf: dict[str, Any], script_vars: dict[str, Any]) -> list[str]:
    """Return the command line of a script, which learns its own name as from Python."""
    builtins.__file__ = script_vars["src_file"]  # type: ignore[attr-defined]
    return ["--output", str(FOLDER)]


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Return the lines that show what a script has written."""
    taken = []
    for found, target in zip(
        sorted(FOLDER.glob("*.png")), block_vars["image_path_iterator"], strict=False
    ):
        shutil.move(found, target)
        taken.append(target)
    return figure_rst(taken, gallery_conf["src_dir"])
