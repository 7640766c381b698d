"""What numba compiles: how it is found, stored and left out."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import clusters
import maha_core as mc
import travelling

jit = pytest.importorskip("maha_numpy.compiled.jit", exc_type=ImportError)
numba = pytest.importorskip("numba")

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[1])
import passes
print(passes.total.compiled("float64")(np.arange(4.0)))
"""

PASSES = """
from maha_numpy.compiled.jit import Pass

@Pass
def twice(a):
    return a + a

@Pass
def total(values):
    found = 0.0
    for i in range(values.shape[0]):
        found += twice(values[i])
    return found
"""


def run(folder, script=SCRIPT, **environment):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def output(process):
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    return out.strip()


@pytest.fixture
def passes(tmp_path):
    folder = tmp_path / "passes"
    folder.mkdir()
    (folder / "passes.py").write_text(PASSES)
    return folder


@jit.Pass
def product(a, b):
    return a * b


@jit.Pass
def dot(U, V):
    total = U[0] * 0
    for i in range(U.shape[0]):
        total += product(U[i], V[i])
    return total


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_pass_is_python_and_compiles_with_what_it_calls(dtype):
    U = np.arange(5, dtype=dtype)
    assert dot(U, U) == dot.compiled(U.dtype)(U, U) == 30
    assert dot.compiled("float32") is not dot.compiled("float64")


def test_threads_compile_once():
    seen = []
    U = np.arange(3.0)
    fresh = jit.Pass(dot.function)
    threads = [
        threading.Thread(target=lambda: seen.append(fresh.compiled("float64")(U, U)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [5.0] * 4


def test_it_is_stored_between_processes(passes, tmp_path):
    store = tmp_path / "store"
    first = [run(passes, NUMBA_CACHE_DIR=str(store)) for _ in range(2)]  # at the same time
    assert [output(process) for process in first] == ["12.0", "12.0"]
    stored = {path.name for path in store.rglob("*.nbc")}
    assert any("total_float64" in name for name in stored)
    assert output(run(passes, NUMBA_CACHE_DIR=str(store))) == "12.0"
    assert {path.name for path in store.rglob("*.nbc")} == stored


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_broken_store_is_no_error(passes, tmp_path, content):
    store = tmp_path / "store"
    output(run(passes, NUMBA_CACHE_DIR=str(store)))
    for path in store.rglob("*.nb?"):
        path.write_bytes(content)
    assert output(run(passes, NUMBA_CACHE_DIR=str(store))) == "12.0"


def test_nowhere_to_store(tmp_path):
    passes = tmp_path / "passes"
    passes.mkdir()
    (passes / "passes.py").write_text(PASSES)
    (passes / "__pycache__").write_text("no folder")  # as good as read-only, also for root
    nowhere = {"HOME": str(passes / "passes.py"), "XDG_CACHE_HOME": str(passes / "passes.py")}
    assert output(run(passes, **nowhere)) == "12.0"


def test_a_child_may_be_forked_while_a_thread_compiles():
    script = """
import os, threading, time
import numpy as np
from numba.core.compiler_lock import global_compiler_lock as lock
from maha_numpy.compiled.jit import survive_forks
survive_forks()
def compiles():
    with lock:
        time.sleep(0.5)
thread = threading.Thread(target=compiles)
thread.start()
time.sleep(0.1)
child = os.fork()
if child == 0:
    free = threading.Thread(target=compiles)
    free.start()
    free.join(20)
    os._exit(free.is_alive())
print(os.waitpid(child, 0)[1])
"""
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "0", done.stderr


def test_numba_is_not_imported_before_it_is_needed():
    script = """
import sys
import numpy as np, maha_core as mc
with mc.options(compiled=False):
    mc.sqdist(np.zeros((3, 2)))
    mc.nearest(np.zeros((3, 2)), k=1)
print("numba" in sys.modules)
"""
    assert output(run("", script)) == "False"


def test_without_numba_it_says_what_to_install():
    script = """
import sys
sys.modules["numba"] = None
import maha_core as mc
from maha_core.options import Options
from maha_numpy.compiled import presence
from maha_numpy import NumpyBackend
print(presence.wanted(Options()), NumpyBackend().portable(Options()).compiled, mc.backends(True))
"""
    out = output(run("", script))
    assert out.startswith("False False ")
    assert "numpy: no compiled passes: numba" in out
    assert Path(mc.__file__).exists()


def test_the_table_says_for_which_instructions():
    (info,) = (info for info in mc.backends(check=True) if info.name == "numpy")
    assert f"passes compiled by numba {numba.__version__} for " in info.reason


# ------------------------------------------------------------------- passes of generated source

GENERATED = """
import sys
import numpy as np, maha_core as mc
from maha_numpy.compiled import passes, store
X = np.random.default_rng(0).standard_normal((600, 12))  # no narrow embedding, of other passes
sums = mc.reductions.Sum(lambda D: 1 / (1 + D))
found = mc.reduce(sums, X)
with mc.options(compiled=False):
    np.testing.assert_allclose(found, mc.reduce(sums, X))
runs = [module.run.compiled("float64") for module in store._kept.values()]
print(len(runs), sum(sum(run.stats.cache_misses.values()) for run in runs))
"""


def homes(folder):
    """Return the environment in which a folder is the user's home."""
    folder.mkdir(exist_ok=True)
    names = ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE")
    return dict.fromkeys(names, str(folder))


def kept(folder):
    """Return the names of all that lies in a folder, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix != ".lock"}


def test_generated_passes_are_stored_between_processes(tmp_path):
    home = homes(tmp_path / "home")
    assert output(run("", GENERATED, **home)) == "1 1"
    before = kept(tmp_path)
    sources = [path for path in before if path.suffix == ".py"]
    assert len(sources) == 1
    assert {path.parent.stat().st_mode & 0o077 for path in sources} == {0}
    assert output(run("", GENERATED, **home)) == "1 0"
    assert kept(tmp_path) == before


def test_processes_that_start_at_once_compile_once(tmp_path):
    home = homes(tmp_path / "home")
    started = [run("", GENERATED, **home) for _ in range(3)]
    found = [output(process).split() for process in started]
    assert {passes for passes, _ in found} == {"1"}
    assert sum(int(compiled) for _, compiled in found) == 1


def test_broken_files_are_written_anew(tmp_path):
    content = b"\xff\xfe"
    home = homes(tmp_path / "home")
    output(run("", GENERATED, **home))
    for path in (tmp_path / "home").rglob("*.py"):
        path.write_bytes(content)
    assert output(run("", GENERATED, **home)).startswith("1 ")
    for path in (tmp_path / "home").rglob("*.nb?"):
        path.write_bytes(content)
    assert output(run("", GENERATED, **home)) == "1 1"
    assert output(run("", GENERATED, **home)) == "1 0"


def test_no_home_at_all(tmp_path):
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder")  # as good as read-only, also for root
    home = dict.fromkeys(homes(tmp_path), str(nowhere))
    assert output(run("", GENERATED, **home)) == "1 1"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of another kind")
@pytest.mark.parametrize("level", ["maha_core", "maha_core/passes"])
def test_a_folder_that_others_may_write_to_is_left_alone(tmp_path, level):
    home = homes(tmp_path / "home")
    folder = tmp_path / "home" / "maha_core" / "passes"
    folder.mkdir(parents=True)
    (tmp_path / "home" / level).chmod(0o777)
    assert output(run("", GENERATED, **home)) == "1 1"
    assert not list(folder.iterdir())


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of another kind")
def test_a_folder_of_somebody_elses_is_left_alone(tmp_path):
    home = homes(tmp_path / "home")
    script = "import os; found = os.getuid(); os.getuid = lambda: found + 1\n" + GENERATED
    assert output(run("", script, **home)) == "1 1"
    assert not list((tmp_path / "home").rglob("*.py"))


def test_a_full_disk(tmp_path):
    script = (
        """
import os
def full(*arguments, **options):
    raise OSError(28, "No space left on device")
os.fdopen = full
"""
        + GENERATED
    )
    home = homes(tmp_path / "home")
    assert output(run("", script, **home)) == "1 1"
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


@pytest.mark.parametrize("missing", ["numba", "platformdirs"])
def test_without_a_package(tmp_path, missing):
    script = f"import sys; sys.modules[{missing!r}] = None\n" + GENERATED
    expected = {"numba": "0 0", "platformdirs": "1 1"}[missing]
    home = homes(tmp_path / "home")
    assert output(run("", script, **home)) == expected
    assert not list((tmp_path / "home").rglob("*.py"))


def test_numba_that_may_not_compile(tmp_path):
    home = homes(tmp_path / "home")
    assert output(run("", GENERATED, NUMBA_DISABLE_JIT="1", **home)) == "0 0"


def test_import_writes_nothing(tmp_path):
    script = "import maha_core, maha_numpy.compiled.arithmetic, maha_numpy.kernels"
    assert not output(run("", script, **homes(tmp_path / "home")))
    assert not list((tmp_path / "home").iterdir())


def test_a_cluster_compiles_once(tmp_path, monkeypatch):
    for name, value in homes(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    with clusters.started(workers=3) as client:
        found = client.run(travelling.compilations).values()
    assert {passes for passes, _ in found} == {1}
    assert sum(compiled for _, compiled in found) == 1
