"""Every link in the site leads to a page and to a place on it; each public name has a page."""

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import maha_core as mc
import maha_core.testing

MODULES = {
    "maha_core": mc.__all__,
    "maha_core.losses": mc.losses.__all__,
    "maha_core.kernels": mc.kernels.__all__,
    "maha_core.reductions": mc.reductions.__all__,
    "maha_core.learn": mc.learn.__all__,
    "maha_core.compat.scipy": mc.compat.scipy.__all__,
    "maha_core.compat.sklearn": mc.compat.sklearn.__all__,
    "maha_core.testing": maha_core.testing.__all__,
}
HAVE_PARTS = {"compat", "kernels", "learn", "losses", "reductions"}
TWICE = {"maha_core.losses.PointData"}  # one class, of losses and of reductions


class Page(HTMLParser):
    """What a page links to, and the places on it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = {"", "top"}
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.links += [value for name in ("href", "src") if (value := given.get(name))]
        self.places |= {value for name in ("id", "name") if (value := given.get(name))}


@cache
def page(file: Path) -> Page:
    return Page(file)


def leads_somewhere(file: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True  # elsewhere: nothing is fetched
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if not target.is_file():
        return False
    return target.suffix != ".html" or unquote(parts.fragment) in page(target).places


def test_links_lead_somewhere(site: Path) -> None:
    site = site.resolve()
    files = [file for file in site.rglob("*.html") if "_static" not in file.parts]
    assert len(files) > 100
    broken = {
        f"{file.relative_to(site)}: {link}"
        for file in files
        for link in page(file).links
        if not leads_somewhere(file, link)
    }
    assert not broken, "\n".join(sorted(broken))


def test_public_names_have_pages(site: Path) -> None:
    public = {f"{module}.{name}" for module, names in MODULES.items() for name in names}
    public -= {f"maha_core.{name}" for name in HAVE_PARTS} | TWICE
    missing = {n for n in public if not (site / "api" / "generated" / f"{n}.html").is_file()}
    assert not missing
