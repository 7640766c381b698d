"""What is built is complete, and the sdist builds the same wheel as the tree."""

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(
    not (find_spec("build") and find_spec("hatchling")), reason="needs build and hatchling"
)


def build(folder, *options):
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, *options, ROOT]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


@pytest.fixture(scope="module")
def from_tree(tmp_path_factory):
    return build(tmp_path_factory.mktemp("tree"), "--wheel")


@pytest.fixture(scope="module")
def from_sdist(tmp_path_factory):
    return build(tmp_path_factory.mktemp("sdist"))


def contents(wheel):
    return {info.filename: info.CRC for info in wheel.infolist()}


def test_the_sdist_builds_the_same_wheel(from_tree, from_sdist):
    assert contents(from_tree) == contents(from_sdist)


def test_the_wheel_holds_every_source_file_and_nothing_else(from_tree):
    sources = [ROOT / "maha_core", *(ROOT / "backends").iterdir()]
    expected = {
        path.relative_to(folder.parent).as_posix()
        for folder in sources
        for path in folder.rglob("*")
        if path.suffix in {".cu", ".cuh", ".py", ".typed"}
    }
    packed = {name for name in contents(from_tree) if ".dist-info/" not in name}
    assert packed == expected


def test_every_backend_has_an_entry_point_and_is_typed(from_tree):
    names = contents(from_tree)
    (entries,) = (name for name in names if name.endswith("entry_points.txt"))
    text = from_tree.read(entries).decode()
    for init in (ROOT / "backends").glob("*/__init__.py"):
        assert f" = {init.parent.name}:" in text
        assert f"{init.parent.name}/py.typed" in names
    assert "maha_core/py.typed" in names


def test_the_licence_is_in_the_wheel(from_tree):
    assert any(name.endswith("licenses/LICENSE") for name in contents(from_tree))
