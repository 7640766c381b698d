"""Links of pages to files of the repository, which work on a code host, lead somewhere here, too.

A link to a page of benchmark results leads to a copy of it in the site. One to another file leads
to a page with its source: `[text](../maha_core/formulas.py#dot)` to the function `dot`, and where
the text is one line of the function, to that line.
"""

from __future__ import annotations

import ast
import html
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "results"
COPIES = DOCS / "results"

LINK = re.compile(r"(!?)\[((?:`[^`]*`|[^\[\]`])*)\]\(((?:\.\./)+[^)#\s]+)(?:#([\w.]*))?\)")


class Target(NamedTuple):
    """A line of a file in the repository."""

    file: Path
    line: int

    @property
    def page(self) -> str:
        return f"source/{self.file.relative_to(ROOT).as_posix()}"


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", copy_results)
    app.connect("source-read", lead_on)
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": True}


def copy_results(app: Any) -> None:
    """Copy the pages of benchmark results and their pictures to where Sphinx reads pages."""
    shutil.rmtree(COPIES, ignore_errors=True)
    COPIES.mkdir()
    for file in [*RESULTS.glob("*.md"), *RESULTS.glob("*.png")]:
        shutil.copy(file, COPIES)


def lead_on(app: Any, docname: str, source: list[str]) -> None:
    """Rewrite the links of a page."""
    folder = DOCS / Path(docname).parent
    up = "../" * docname.count("/")
    source[0] = LINK.sub(lambda match: rewritten(match, folder, up), source[0])


def rewritten(match: re.Match[str], folder: Path, up: str) -> str:
    """Return what stands for one link."""
    image, text, path, _ = match.groups()
    file = (folder / path).resolve()
    if file.parent == RESULTS and not image:
        return f"[{text}](/results/{file.name})"
    if image or not is_source(file):
        return match[0]
    target = cited(match, folder)
    # MyST leaves inline HTML as it is, and renders the text within
    return f'<a class="reference internal" href="{up}{target.page}.html#L-{target.line}">{text}</a>'


def is_source(file: Path) -> bool:
    """Tell whether a file has a page of its source, and is none of the site's own pages."""
    return file.is_relative_to(ROOT) and not file.is_relative_to(DOCS) and file.parent != RESULTS


def cited(match: re.Match[str], folder: Path) -> Target:
    """Return the line that a link to source means."""
    _, text, path, symbol = match.groups()
    file = (folder / path).resolve()
    if not file.is_file():
        raise ExtensionError(f"a page links to {path}, which is no file")
    start, end = extent(file, symbol) if symbol else (1, 0)
    lines = file.read_text(encoding="utf-8").splitlines()
    quoted = text.strip("`").strip()
    for number in range(start, end + 1):
        if lines[number - 1].strip() == quoted:
            return Target(file, number)
    if text.startswith("`") and " " in quoted:
        raise ExtensionError(f"{path}#{symbol} has no line {quoted!r}")
    return Target(file, start)


def extent(file: Path, symbol: str) -> tuple[int, int]:
    """Return the first and the last line of a function or class, methods as `Class.method`."""
    body: list[Any] = ast.parse(file.read_text(encoding="utf-8")).body
    for name in symbol.split("."):
        found = [node for node in body if getattr(node, "name", None) == name]
        if not found:
            raise ExtensionError(f"{file.relative_to(ROOT)} has no {symbol}")
        body = getattr(found[0], "body", [])
    return found[0].lineno, found[0].end_lineno


def source_pages(app: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each file that pages link to, with an anchor for every line."""
    formatter = HtmlFormatter(linenos="inline", lineanchors="L", wrapcode=True)
    for file in sorted(all_cited()):
        lexer = get_lexer_for_filename(file.name)
        code = highlight(file.read_text(encoding="utf-8"), lexer, formatter)
        name = file.relative_to(ROOT).as_posix()
        body = f"<h1>{html.escape(name)}</h1>{code}"
        yield Target(file, 1).page, {"title": name, "body": body}, "page.html"


def all_cited() -> set[Path]:
    """Return the files that pages link to."""
    pages = (page for page in DOCS.rglob("*.md") if not page.is_relative_to(COPIES))
    return {
        cited(match, page.parent).file
        for page in pages
        for match in LINK.finditer(page.read_text(encoding="utf-8"))
        if not match[1] and is_source((page.parent / match[3]).resolve())
    }
