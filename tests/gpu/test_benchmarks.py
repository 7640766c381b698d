"""benchmarks.gpu runs to its end at a small size, and its page says what was measured."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture
def bench(gpu, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.gpu import __main__

    return __main__


@pytest.fixture
def page(bench):
    from benchmarks.gpu import page

    return page


def test_every_table_is_measured(bench, page, monkeypatch):
    from benchmarks.gpu import others

    monkeypatch.setattr(others, "entered", dict)
    found = bench.measured(30, 40)
    assert all(table for table in found["tables"].values())
    for rows in found["tables"].values():
        assert all(row["seconds"] > 0 for row in rows)
    assert found["device"]["name"] in page.text(found)


def test_both_pages_have_the_same_tables(bench, monkeypatch):
    from benchmarks.gpu import others

    monkeypatch.setattr(others, "entered", dict)
    found, missing = bench.measured(30, 40), bench.unmeasured()
    for title, rows in found["tables"].items():
        assert [list(row) for row in rows] == [list(row) for row in missing["tables"][title]]


def test_the_page_in_the_repository_is_of_what_was_found(bench, page):
    data = RESULTS / "gpu.json"
    found = json.loads(data.read_text()) if data.exists() else bench.unmeasured()
    assert (RESULTS / "gpu.md").read_text() == page.text(found)


def test_without_a_gpu_nothing_is_written(bench, gpu, tmp_path, monkeypatch):
    from maha_cupy import driver

    def fails():
        raise RuntimeError("there is no CUDA device")

    monkeypatch.setattr(driver, "device_names", fails)
    monkeypatch.setattr("sys.argv", ["benchmarks.gpu", "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match="nothing is measured: there is no CUDA device"):
        bench.main()
    assert not list(tmp_path.iterdir())
