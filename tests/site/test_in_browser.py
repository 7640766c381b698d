"""A headless Chromium, as wide as a phone, opens every page."""

import time
from pathlib import Path

import pytest

STATE = """
const done = arguments[arguments.length - 1];
const ready = window.MathJax?.startup?.promise ?? Promise.resolve();
ready.then(() => done({
    wider: document.documentElement.scrollWidth - window.innerWidth,
    broken: [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),
    formulas: document.querySelectorAll('.math').length,
    rendered: document.querySelectorAll('.math mjx-container').length,
    wrong: document.querySelectorAll('mjx-merror').length,
    heading: document.querySelector('h1')?.textContent ?? '',
}));
"""


def pages(site: Path) -> list[str]:
    """Return the paths of all pages but those of source, of which one of each kind is enough."""
    files = sorted(file.relative_to(site).as_posix() for file in site.rglob("*.html"))
    files = [file for file in files if not file.startswith("_static/")]
    made = [[f for f in files if f.startswith(kind)] for kind in ("_modules/", "source/")]
    return [f for f in files if not f.startswith(("_modules/", "source/"))] + [
        kind[0] for kind in made if kind
    ]


@pytest.mark.timeout(600)
def test_pages_open(site: Path, address: str, browser) -> None:
    problems, formulas = {}, 0
    for path in pages(site):
        browser.get(f"{address}/{path}")
        browser.execute_script("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
        state = browser.execute_async_script(STATE)
        said = [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]
        formulas += state["rendered"]
        found = {name: state[name] for name in ("broken", "wrong") if state[name]}
        found |= {"said": said} if said else {}
        found |= {"wider than the phone": state["wider"]} if state["wider"] > 0 else {}
        found |= {} if state["formulas"] <= state["rendered"] else {"not rendered": state}
        found |= {} if state["heading"] or path == "index.html" else {"no heading": path}
        if found:
            problems[path] = found
    assert not problems, "\n".join(f"{path}: {found}" for path, found in problems.items())
    assert formulas > 30


def test_search_finds_vjp(site: Path, address: str, browser) -> None:
    browser.get(f"{address}/search.html?q=vjp")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        hrefs = browser.execute_script(
            "return [...document.querySelectorAll('#search-results a')].map(a => a.href)"
        )
        if any("maha_core.vjp" in href for href in hrefs):
            return
        time.sleep(0.2)
    pytest.fail(f"the search for vjp found {hrefs}")
