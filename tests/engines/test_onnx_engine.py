"""The local engine: the contract, and weights that are missing or damaged."""

import hashlib
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daemon.engines.onnx.kept_speeds import read_speeds
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.engines.onnx.onnx_table import shipped_onnx_models
from daemon.engines.onnx.ready_weights import STARTER_MODEL, ready_weights
from daemon.engines.onnx.weights_folder import weights_file
from daemon.errors import EngineMisconfigured
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings, load
from tests.engines.conformance import EngineConformance, drawn_photo
from tests.engines.drawn_network import drawn_network
from tests.engines.weights_server import WeightsServer


def silent(line: str) -> None:
    """A test prints nothing."""


@pytest.fixture(scope="module")
def weights() -> Path:
    """The folder into which `make setup` put the starter weights."""
    local = load().engine.local
    ready_weights(STARTER_MODEL, shipped_onnx_models()[STARTER_MODEL], local, silent, threading.Event())
    return local.weights_path


@pytest.fixture(autouse=True)
def own_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    """What rembg itself may have fetched on this machine is not found."""
    monkeypatch.setenv("U2NET_HOME", str(weights))
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


class TestOnnxEngine(EngineConformance):
    refusal = EngineMisconfigured  # the weights of an unknown model are missing

    @pytest.fixture
    def engine(self, weights: Path) -> Iterator[OnnxEngine]:
        engine = OnnxEngine(LocalEngineSettings(weights_dir=str(weights)), cores=2, print_line=silent)
        yield engine
        engine.close()

    def test_closing_in_the_middle_of_loading_waits_for_it(self, engine: OnnxEngine) -> None:
        engine.start()
        engine.close()

        assert "local-engine-load" not in [thread.name for thread in threading.enumerate()]

    def test_the_subject_of_a_drawn_photo_is_found(self, engine: OnnxEngine) -> None:
        alpha = engine.cut(uuid.uuid4(), drawn_photo(240, 320), Recipe("u2netp")).alpha

        assert alpha[120, 160] > 0.8
        assert alpha[5, 5] < 0.2

    def test_missing_weights_are_named_with_the_command_that_fetches_them(self, tmp_path: Path) -> None:
        engine = OnnxEngine(LocalEngineSettings(model="isnet-general-use", weights_dir=str(tmp_path)), 1, silent)

        (health,) = engine.check()

        assert not health.up
        assert "freisteller models fetch isnet-general-use" in health.message

    def test_weights_that_nobody_offers_are_named_with_the_folder_they_belong_into(self, tmp_path: Path) -> None:
        engine = OnnxEngine(LocalEngineSettings(model="feynobg", weights_dir=str(tmp_path)), 1, silent)

        (health,) = engine.check()

        assert f"freisteller models add feynobg.onnx, or put that file into {tmp_path}" in health.message

    def test_damaged_weights_are_misconfigured_not_a_bad_photo(self, tmp_path: Path) -> None:
        (tmp_path / "u2net.onnx").write_bytes(b"not ONNX")
        engine = OnnxEngine(LocalEngineSettings(model="u2net", weights_dir=str(tmp_path)), 1, silent)

        with pytest.raises(EngineMisconfigured, match=r"u2net.*cannot be loaded.*freisteller models fetch u2net"):
            engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2net"))

    def test_the_engine_is_up_as_long_as_one_model_works(self, tmp_path: Path, weights: Path) -> None:
        present = weights_file(weights, "u2netp")
        assert present
        (tmp_path / "u2netp.onnx").write_bytes(present.read_bytes())
        engine = OnnxEngine(LocalEngineSettings(model="isnet-general-use", weights_dir=str(tmp_path)), 1, silent)
        with pytest.raises(EngineMisconfigured):
            engine.cut(uuid.uuid4(), drawn_photo(), Recipe("isnet-general-use"))
        before = engine.health()[0].up

        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2netp"))

        assert (before, engine.health()[0].up) == (False, True)
        assert "isnet-general-use" in engine.health()[0].message

    def test_the_starter_weights_are_fetched_where_they_are_missing_or_damaged(
        self, tmp_path: Path, weights: Path
    ) -> None:
        content = (weights_file(weights, "u2netp") or weights).read_bytes()
        (tmp_path / "u2netp.onnx").write_bytes(content[:-1])
        with WeightsServer(content) as mirror:
            settings = LocalEngineSettings(weights_dir=str(tmp_path), mirror=mirror.url)
            engine = OnnxEngine(settings, 1, silent)
            engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2netp"))

        assert mirror.asked[0][0] == "/u2netp.onnx"
        assert (tmp_path / "u2netp.onnx").read_bytes() == content

    def test_what_rembg_fetched_is_used_if_it_is_right(
        self, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".u2net").mkdir()
        present = weights_file(weights, "u2netp")
        assert present
        (tmp_path / ".u2net" / "u2netp.onnx").symlink_to(present)
        (tmp_path / ".u2net" / "silueta.onnx").symlink_to(present)
        monkeypatch.setenv("HOME", str(tmp_path))
        engine = OnnxEngine(LocalEngineSettings(weights_dir=str(tmp_path / "own")), 1, silent)

        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2netp"))
        with pytest.raises(EngineMisconfigured, match="freisteller models fetch silueta"):
            engine.cut(uuid.uuid4(), drawn_photo(), Recipe("silueta"))

        assert engine.models == ("u2netp", "silueta")
        assert not (tmp_path / "own" / "u2netp.onnx").exists()

    def test_the_time_of_a_models_second_picture_is_kept(self, tmp_path: Path, weights: Path) -> None:
        (tmp_path / "u2netp.onnx").symlink_to(weights_file(weights, "u2netp") or weights)
        engine = OnnxEngine(LocalEngineSettings(weights_dir=str(tmp_path)), 1, silent)

        kept = []
        for _ in range(2):
            engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2netp"))
            kept.append(read_speeds(tmp_path))

        assert kept[0] == {}
        assert kept[1]["u2netp"] > 0

    def test_a_missing_second_model_leaves_the_engine_up(self, engine: OnnxEngine) -> None:
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2netp"))
        with pytest.raises(EngineMisconfigured):
            engine.cut(uuid.uuid4(), drawn_photo(), Recipe("isnet-anime"))

        assert all(server.up for server in engine.health())

    def test_models_whose_weights_are_there_are_on_offer(self, tmp_path: Path) -> None:
        (tmp_path / "silueta.onnx").write_bytes(b"x")

        engine = OnnxEngine(LocalEngineSettings(weights_dir=str(tmp_path)), 1, silent)

        assert engine.models == ("u2netp", "silueta")

    @pytest.mark.parametrize(("cores", "threads", "slots"), [(1, 0, 1), (2, 0, 2), (16, 0, 4), (8, 4, 2), (2, 8, 1)])
    def test_as_many_photos_at_once_as_there_are_cores_for(self, cores: int, threads: int, slots: int) -> None:
        assert OnnxEngine(LocalEngineSettings(threads=threads), cores, silent).slots == slots


def test_a_licence_that_forbids_commerce_keeps_a_model_out_and_is_told(tmp_path: Path) -> None:
    for name in ("bria-rmbg", "silueta", "isnet-anime"):
        (tmp_path / f"{name}.onnx").write_bytes(drawn_network())
    settings = LocalEngineSettings(model="silueta", weights_dir=str(tmp_path))
    engine = OnnxEngine(settings, 1, silent, commercial_use=True)

    assert engine.models == ("silueta", "isnet-anime")
    assert engine.left_out == {"bria-rmbg": "CC BY-NC 4.0", "silueta": "not known"}
    with pytest.raises(EngineMisconfigured, match=r"bria-rmbg is not used.*CC BY-NC 4\.0\) forbids that"):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("bria-rmbg"))
    assert "nobody says that its licence allows that" in engine.check()[0].message


def test_weights_that_no_table_describes_are_not_on_offer(tmp_path: Path) -> None:
    (tmp_path / "rings.onnx").write_bytes(drawn_network())
    engine = OnnxEngine(LocalEngineSettings(weights_dir=str(tmp_path)), 1, silent)

    assert engine.models == ("u2netp",)
    with pytest.raises(EngineMisconfigured, match=r"freisteller models add .*rings\.onnx"):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("rings"))


def test_a_name_that_nobody_knows_is_told_with_what_was_meant(tmp_path: Path) -> None:
    engine = OnnxEngine(LocalEngineSettings(weights_dir=str(tmp_path)), 1, silent)

    with pytest.raises(EngineMisconfigured, match=r"has no model isnet-animé: did you mean isnet-anime\?"):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("isnet-animé"))


def test_the_starter_weights_are_the_ones_that_were_reviewed(weights: Path) -> None:
    path = weights_file(weights, "u2netp")

    assert path is not None
    assert hashlib.sha256(path.read_bytes()).hexdigest() == shipped_onnx_models()[STARTER_MODEL].sources[0].sha256


def test_an_alpha_has_the_steps_of_a_mask_of_8_bit(weights: Path) -> None:
    engine = OnnxEngine(LocalEngineSettings(weights_dir=str(weights)), 2, silent)

    alpha = engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2netp")).alpha

    assert np.allclose(alpha * 255, np.rint(alpha * 255), atol=1e-3)


def test_the_engine_needs_no_library_but_onnx_runtime(weights: Path) -> None:
    code = f"""
import sys, uuid
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings
from tests.engines.conformance import drawn_photo

engine = OnnxEngine(LocalEngineSettings(weights_dir={str(weights)!r}), 1, print)
before = {{name.split(".")[0] for name in sys.modules}}
engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2netp"))
found = {{name.split(".")[0] for name in sys.modules}} - before - sys.stdlib_module_names
print(sorted(name for name in found if not name.startswith("_")))
"""

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.splitlines() == ["['onnxruntime']"]


def test_the_engine_needs_no_writable_and_executable_memory_which_the_unit_denies(weights: Path) -> None:
    code = f"""
import ctypes, mmap, sys, uuid

PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit("this kernel cannot deny it")
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    print("denied")

from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings
from tests.engines.conformance import drawn_photo

engine = OnnxEngine(LocalEngineSettings(weights_dir={str(weights)!r}), 1, print)
print(engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2netp")).alpha.max() > 0.8)
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    if "this kernel cannot deny it" in done.stderr:
        pytest.skip("this kernel cannot deny it (Linux 6.3 can)")
    assert done.stdout.split() == ["denied", "True"], done.stderr


@pytest.mark.parametrize(("crowded", "kept_mb"), [(True, range(150)), (False, range(150, 500))])
def test_the_memory_of_a_run_is_given_back_where_photos_need_it(weights: Path, crowded: bool, kept_mb: range) -> None:
    code = f"""
import re, uuid
from pathlib import Path
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings
from tests.engines.conformance import drawn_photo

def resident_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

engine = OnnxEngine(LocalEngineSettings(weights_dir={str(weights)!r}), 1, print, lambda: {crowded})
engine.check()
before = resident_mb()
for _ in range(2):
    engine.cut(uuid.uuid4(), drawn_photo(), Recipe("u2netp"))
print(resident_mb() - before)
"""

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert int(printed) in kept_mb
