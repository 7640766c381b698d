"""What mypy and pyright say of tests/typed/uses.py is what its comments say."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
USES = ROOT / "tests" / "typed" / "uses.py"
REFUSED = {
    number
    for number, line in enumerate(USES.read_text().splitlines(), 1)
    if line.endswith("# refused")
}


def mypy(folder):
    """Return the lines that mypy refuses."""
    command = [sys.executable, "-m", "mypy", "--cache-dir", folder, "--output", "json"]
    done = subprocess.run([*command, USES], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    notes = [json.loads(line) for line in done.stdout.splitlines()]
    return [note for note in notes if Path(note["file"]).name == USES.name]


def pyright():
    """Return the errors of pyright; its command fetches itself, which may fail."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, USES], capture_output=True, text=True, cwd=ROOT)
    if not done.stdout.startswith("{"):
        pytest.skip(f"pyright cannot run here: {done.stderr[-300:]}")
    return json.loads(done.stdout)["generalDiagnostics"]


@pytest.mark.skipif(find_spec("mypy") is None, reason="needs mypy")
def test_mypy_refuses_the_misuses_and_nothing_else(tmp_path):
    said = [note for note in mypy(tmp_path) if note["severity"] == "error"]
    assert {note["line"] for note in said} == REFUSED, said


@pytest.mark.skipif(find_spec("pyright") is None, reason="needs pyright")
def test_pyright_refuses_the_misuses_and_nothing_else():
    said = [note for note in pyright() if note["severity"] == "error"]
    assert {note["range"]["start"]["line"] + 1 for note in said} == REFUSED, said
