"""Every Python block of the README and of docs/ runs as it stands.

A section is run after the page's opening, in one namespace; a section that imports a library which
is not installed is skipped.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MADE = ("_build", "gallery", "results")  # by a build of the site
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted(DOCS.rglob("*.md")) if page.relative_to(DOCS).parts[0] not in MADE),
]
FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    page: Path
    section: str
    line: int
    code: str

    def run(self, namespace: dict[str, object]) -> None:
        # Empty lines above make a traceback show the line of the page.
        exec(compile("\n" * self.line + self.code, self.page, "exec"), namespace)


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = (match for match in FENCED.finditer(text) if match[1] == "python")
    return [
        Block(page, section_at(text, match.start()), text.count("\n", 0, match.start(2)), match[2])
        for match in found
    ]


def section_at(text: str, position: int) -> str:
    """The last heading of level two before a position; empty in the page's opening."""
    prose = FENCED.sub(lambda match: "\n" * match[0].count("\n"), text[:position])
    headings = re.findall(r"^## (.+)$", prose, re.MULTILINE)
    return headings[-1] if headings else ""


def imported(blocks: list[Block]) -> set[str]:
    nodes = [node for block in blocks for node in ast.walk(ast.parse(block.code))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}


def sections() -> list[object]:
    return [
        pytest.param(page, section, id=f"{page.name}-{section or 'opening'}")
        for page in PAGES
        for section in dict.fromkeys(block.section for block in blocks_of(page))
    ]


@pytest.mark.may_warn
@pytest.mark.parametrize(("page", "section"), sections())
def test_python_blocks_run(page: Path, section: str) -> None:
    blocks = [block for block in blocks_of(page) if block.section in ("", section)]
    for name in imported(blocks):
        if not name.startswith("maha_core"):
            pytest.importorskip(name)
    namespace: dict[str, object] = {"__name__": page.stem}
    for block in blocks:
        block.run(namespace)


def test_local_links_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken
