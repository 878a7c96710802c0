"""`from daemon import cut_out, assess`: the same results and errors as the commands, one engine, light to import."""

import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import daemon
from daemon import CutPhoto, Cutter
from daemon.commands import from_python, single_photos
from daemon.commands.process import process_photos
from daemon.errors import BadPhoto, BadSettings, EngineAway
from daemon.jobs import Grade
from daemon.pictures.photo import Photo
from daemon.pictures.reading import open_photo
from daemon.settings import load
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_pages, save_photo
from tests.pictures.drawing import encoded, file_of, image_of, profile, with_field
from tests.processes import environment

CHECKOUT = Path(__file__).parents[2]
QUICK = {"strategy": {"max_attempts": 1}, "judgement": {"witness": "off"}}


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedEngine]:
    """The engines that were opened; each cuts out by colour."""
    opened: list[ScriptedEngine] = []

    def build(*_: Any, **__: Any) -> ScriptedEngine:
        opened.append(ScriptedEngine())
        return opened[-1]

    monkeypatch.setattr(single_photos, "build_engine", build)
    return opened


@pytest.fixture
def cutter(engines: list[ScriptedEngine]) -> Iterator[Cutter]:
    with Cutter(settings=QUICK) as opened:
        yield opened


def as_the_command_does(photo: Path, folder: Path) -> Path:
    """The PNG that `freisteller process` writes."""
    (done,) = process_photos(load(flags=QUICK), [photo], folder, Console(file=StringIO()), quiet=True)
    assert not done.failed, done.end.reason
    return done.end.results[0]


def kinds_of_photos(folder: Path) -> dict[str, Path]:
    rgb = drawn_photo(120, 90)
    deep = rgb.astype(np.uint16) * 257 + np.uint16(3)
    wide = with_field(image_of(rgb), "icc-profile-data", profile("p3"))
    return {
        "with a profile": file_of(folder, encoded(wide, "jpeg"), "p3.jpg"),
        "of 16 bit": file_of(folder, encoded(image_of(deep), "png"), "deep.png"),
        "lying on its side": file_of(folder, encoded(with_field(image_of(rgb), "orientation", 6), "jpeg"), "side.jpg"),
    }


@pytest.mark.parametrize("kind", ["with a profile", "of 16 bit", "lying on its side"])
def test_pixels_come_out_as_with_the_command(kind: str, cutter: Cutter, tmp_path: Path) -> None:
    path = kinds_of_photos(tmp_path)[kind]
    written = open_photo(as_the_command_does(path, tmp_path / "out"), 1)

    found = cutter.cut_out(path)

    assert np.array_equal(found.rgba, written.rgba)
    assert found.rgba.dtype == written.dtype
    assert found.icc == written.icc
    assert np.array_equal(found.alpha, written.rgba[..., 3])
    assert (found.icc is not None) == (kind == "with a profile")
    assert found.alpha.shape == ((120, 90) if kind == "lying on its side" else (90, 120))


def test_a_path_bytes_and_pixels_give_the_same(cutter: Cutter, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png", drawn_photo(120, 90))

    found = [cutter.cut_out(source) for source in (path, str(path), path.read_bytes(), drawn_photo(120, 90))]

    assert all(np.array_equal(each.rgba, found[0].rgba) for each in found)
    assert found[0].grade is Grade.SEHR_GUT
    assert found[0].report["grade"] == "sehr_gut"
    assert found[0].reasons == tuple(found[0].report["reasons"])
    (tmp_path / "own.png").write_bytes(found[3].png)
    assert np.array_equal(open_photo(tmp_path / "own.png", 1).rgba, found[0].rgba)


def test_pixels_that_are_a_view_are_read_as_they_look(cutter: Cutter) -> None:
    bgr = np.ascontiguousarray(drawn_photo(120, 90)[..., ::-1])

    assert np.array_equal(cutter.cut_out(bgr[..., ::-1]).rgba, cutter.cut_out(drawn_photo(120, 90)).rgba)


def test_a_cut_out_and_every_form_of_its_mask_are_judged_alike(cutter: Cutter) -> None:
    photo = drawn_photo(120, 90)
    cut = cutter.cut_out(photo)
    hard = cut.alpha > 127

    judged = [cutter.assess(photo, each) for each in (cut.png, cut.rgba, cut.alpha, cut.alpha / 255)]
    in_black_and_white = [cutter.assess(photo, each) for each in (hard, hard.astype(np.float64), hard * np.uint8(255))]

    assert len({round(each.score, 3) for each in judged}) == 1
    assert len({round(each.score, 3) for each in in_black_and_white}) == 1
    assert judged[0].grade is Grade.SEHR_GUT
    assert judged[0].report["reasons"] == list(judged[0].reasons)


def test_judging_opens_no_engine(engines: list[ScriptedEngine], cutter: Cutter) -> None:
    cutter.assess(drawn_photo(), np.ones((240, 320), bool))

    assert engines == []


@pytest.mark.parametrize(
    ("photo", "what"),
    [
        ("nowhere.jpg", "nowhere.jpg is not there"),
        ("", "photo: '' is no path"),
        ("a\0b.jpg", "photo: 'a.*b.jpg' is no path"),
        (b"", "photo does not begin with a picture"),
        (b"hello", "photo is not a photo"),
        (7, "photo: int is no picture"),
        (np.zeros((4, 4, 3)), r"photo is an array of \(4, 4, 3\) float64"),
        (np.zeros((4, 4, 2), np.uint8), r"photo is an array of \(4, 4, 2\) uint8"),
        (np.zeros((0, 4, 3), np.uint8), r"photo is an array of \(0, 4, 3\) uint8"),
    ],
    ids=["no file", "no name", "zero byte", "empty", "text", "number", "floats", "two channels", "no rows"],
)
def test_what_is_no_photo_is_a_bad_photo(photo: Any, what: str, cutter: Cutter) -> None:
    with pytest.raises(BadPhoto, match=what):
        cutter.cut_out(photo)


def test_an_absent_engine_is_told_by_its_error(engines: list[ScriptedEngine], cutter: Cutter) -> None:
    cutter.cut_out(drawn_photo(120, 90))

    def away(_: object) -> None:
        raise EngineAway("127.0.0.1:1 cannot be reached")

    engines[0].trouble = away
    with pytest.raises(EngineAway, match="cannot be reached"):
        cutter.cut_out(drawn_photo(120, 90, seed=1))


def test_settings_that_are_wrong_are_told_at_once() -> None:
    with pytest.raises(BadSettings, match="max_attempts"):
        Cutter(settings={"strategy": {"max_attempts": 0}})


def test_a_settings_file_counts(engines: list[ScriptedEngine], tmp_path: Path) -> None:
    config = tmp_path / "freisteller.toml"
    config.write_text('language = "de"\n[outputs]\ntrim = true\nformats = ["jpeg"]\n', "utf-8")

    with Cutter(config, QUICK) as cutter:
        found = cutter.cut_out(drawn_photo(320, 240))

    assert found.rgba.shape[1] < 320
    assert "sauber" in found.reasons[0] or "Kanten" in found.reasons[0]


def test_of_several_pages_the_first_one_is_cut_out_and_that_is_said(cutter: Cutter, tmp_path: Path) -> None:
    found = cutter.cut_out(save_pages(tmp_path / "pages.tif", 3))

    assert found.rgba.shape == (72, 96, 4)
    assert "only the first of its 3 pages was cut out" in found.report["photo"]["remarks"]


def test_many_threads_share_one_engine_until_it_is_closed(
    engines: list[ScriptedEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FREISTELLER__STRATEGY__MAX_ATTEMPTS", "1")
    monkeypatch.setattr(from_python, "_KEPT", from_python._OfThisProcess())

    def cut(seed: int) -> CutPhoto:
        return daemon.cut_out(drawn_photo(96, 64, seed))

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(cut, range(8)))
    before = list(engines)
    daemon.close()
    daemon.close()
    again = daemon.cut_out(drawn_photo(96, 64, 0))
    daemon.close()

    assert len(before) == 1
    assert before[0]._closed
    assert len(engines) == 2
    assert np.array_equal(again.rgba, found[0].rgba)
    assert not any(np.array_equal(found[0].rgba, other.rgba) for other in found[1:])


def test_nothing_stays_in_the_temporary_folder(cutter: Cutter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cutter.cut_out(drawn_photo(96, 64))
    with pytest.raises(BadPhoto):
        cutter.cut_out(b"hello")
    cutter.assess(drawn_photo(96, 64), np.ones((64, 96), bool))
    cutter.close()

    assert list(tmp_path.iterdir()) == []


def ran(code: str, folder: Path) -> str:
    """What a program in a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment(folder), "PYTHONPATH": str(CHECKOUT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_importing_the_package_imports_nothing_heavy(tmp_path: Path) -> None:
    said = ran("import sys, daemon; print(*{name.partition('.')[0] for name in sys.modules})", tmp_path)

    assert {"daemon"} <= set(said.split())
    assert set(said.split()) & {"typing", "numpy", "cv2", "pydantic", "onnxruntime", "pyvips", "typer", "rich"} == set()


def test_a_program_imports_no_library_of_the_command_line_or_the_daemon(tmp_path: Path) -> None:
    said = ran("import sys; from daemon import cut_out; print(*{n.partition('.')[0] for n in sys.modules})", tmp_path)

    assert set(said.split()) & {"typer", "rich", "sqlite3", "starlette", "uvicorn", "watchdog", "jinja2"} == set()


def ten_lines() -> str:
    """The example in the head of the module."""
    lines = (from_python.__doc__ or "").splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines[1:] if line.startswith("    ") or not line.strip())


def test_the_ten_lines_run(tmp_path: Path) -> None:
    save_photo(tmp_path / "cup.jpg", drawn_photo(160, 120))

    said = ran(ten_lines(), tmp_path)

    assert "gut 0." in said.splitlines()[0]
    assert "(120, 160, 4) uint8" in said
    assert said.splitlines()[1] in set(Grade)
    assert open_photo(tmp_path / "cup.png", 1).has_alpha


def test_the_documents_show_lines_that_run() -> None:
    page = CHECKOUT / "docs" / "integrating.md"
    shown = re.findall(r"```python\n(.*?)```", page.read_text("utf-8") if page.exists() else "", re.DOTALL)

    assert [block.strip() for block in shown if "import assess" in block] in ([], [ten_lines().strip()])


def test_a_process_that_was_forked_is_refused_where_it_would_hang(
    engines: list[ScriptedEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = from_python._OfThisProcess()
    monkeypatch.setattr(from_python, "_KEPT", kept)
    kept.after_fork()
    daemon.cut_out(drawn_photo(96, 64))  # nothing was open, so nothing is missing
    in_the_other_process = kept.cutter()

    kept.after_fork()

    in_the_other_process.close()
    with pytest.raises(EngineAway, match="Fork before the first photo"):
        daemon.cut_out(drawn_photo(96, 64))


def test_the_file_is_decoded_when_its_pixels_are_asked_for_and_once(
    cutter: Cutter, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []

    def decode(path: Path, most: float) -> Photo:
        decoded.append(path)
        return open_photo(path, most)

    monkeypatch.setattr(from_python, "open_photo", decode)
    found = cutter.cut_out(drawn_photo(96, 64))
    assert (found.grade, bool(found.png), decoded) == (Grade.SEHR_GUT, True, [])

    assert found.rgba is found.rgba
    assert (found.alpha.shape, found.icc) == ((64, 96), None)
    assert len(decoded) == 1


def test_results_and_errors_go_from_one_process_to_another(cutter: Cutter) -> None:
    found = cutter.cut_out(drawn_photo(96, 64))
    with pytest.raises(BadPhoto) as caught:
        cutter.cut_out(b"hello")

    again = pickle.loads(pickle.dumps(found))
    error = pickle.loads(pickle.dumps(caught.value))

    assert np.array_equal(again.rgba, found.rgba)
    assert (again.verdict, again.report) == (found.verdict, found.report)
    assert (type(error), str(error)) == (BadPhoto, str(caught.value))
