"""`freisteller models`: what is there and could be, fetching, licences, typing errors, removing."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from rich.console import Console

from daemon.cli.main import main
from daemon.commands import models_fetch
from daemon.commands.models import ModelRow, known_model, list_lines, list_models, remove_model
from daemon.commands.models_fetch import fetch_named
from daemon.engines.onnx import fetch_weights
from daemon.engines.onnx.download import FetchLimits
from daemon.engines.onnx.kept_part import KeptPart, PartNote
from daemon.engines.onnx.kept_speeds import keep_speed, read_speeds
from daemon.errors import BadSettings
from daemon.settings import Settings, load
from tests.engines.drawn_network import drawn_table
from tests.engines.weights_server import CONTENT, WeightsServer, stalls_after, status
from tests.processes import LONGEST_WAIT_SECONDS, environment, freisteller


@pytest.fixture
def server() -> Iterator[WeightsServer]:
    with WeightsServer() as server:
        yield server


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of this machine's own weights is found."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("U2NET_HOME", raising=False)
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    return folder


def settings_for(folder: Path, local: Mapping[str, object] | None = None, **engine: object) -> Settings:
    return load(flags={"engine": {"local": {"weights_dir": str(folder), **(local or {})}, **engine}})


def describe(folder: Path, name: str, server: WeightsServer | None = None, more: str = "") -> None:
    """Lay a table of one's own into the weights folder, with the server as its source."""
    source = f'{{ url = "{server.url}/{name}.onnx", sha256 = "{server.sha256}" }}' if server else ""
    (folder / f"{name}.toml").write_text(f"sources = [{source}]\n{more}\n{drawn_table(32)}", "utf-8")


def row(settings: Settings, name: str) -> ModelRow:
    return next(row for row in list_models(settings) if row.name == name)


def shown(rows: list[ModelRow], width: int = 80) -> str:
    return "\n".join(line.plain for line in list_lines(rows, width))


def quiet() -> Console:
    return Console(file=io.StringIO(), width=200)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_list_tells_what_is_there_what_is_used_and_what_can_be_fetched(folder: Path) -> None:
    (folder / "silueta.onnx").write_bytes(bytes(1_500_000))
    keep_speed(folder, "silueta", 0.2512)
    rows = list_models(settings_for(folder))

    assert [(each.name, each.state) for each in rows[:3]] == [
        ("u2netp", "missing"),
        ("silueta", "here"),
        ("u2net", "fetchable"),
    ]
    text = shown(rows)
    assert "*  u2netp " in text
    assert "1.5     0.25" in text
    assert "not known" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_the_list_is_there_for_programs(folder: Path) -> None:
    describe(folder, "studio", more='licence = "MIT"\ncommercial_use = "yes"\ngood_for = "[bold]shoes"\n')
    (folder / "studio.onnx").write_bytes(bytes(2_000_000))

    values = row(settings_for(folder, {"model": "studio"}), "studio").values()

    assert values == {
        "name": "studio",
        "state": "in use",
        "in_use": True,
        "file": str(folder / "studio.onnx"),
        "own": True,
        "megabytes": 2.0,
        "licence": "MIT",
        "licence_note": "",
        "commercial_use": "yes",
        "seconds": None,
        "good_for": "[bold]shoes",
        "sources": [],
        "trouble": "",
    }
    assert "[bold]shoes" in shown([row(settings_for(folder), "studio")])


def test_with_comfyui_no_model_is_in_use(folder: Path) -> None:
    settings = load(
        flags={
            "engine": {"local": {"weights_dir": str(folder)}},
            "comfyui": {"servers": [{"url": "http://127.0.0.1:9"}]},
        }
    )

    assert not any(each.in_use for each in list_models(settings))


def test_a_model_of_the_ladder_is_in_use(folder: Path) -> None:
    settings = settings_for(folder).model_copy(
        update={"strategy": load(flags={"strategy": {"ladder": [{"model": "isnet-anime"}]}}).strategy}
    )

    assert row(settings, "isnet-anime").in_use


@pytest.mark.parametrize("content", ["fit = 3", "fit = [", "\xff\xfe", ""], ids=["type", "TOML", "letters", "empty"])
def test_a_bad_table_of_ones_own_is_a_trouble_in_the_list_and_stops_nothing(folder: Path, content: str) -> None:
    (folder / "studio.toml").write_bytes(content.encode("latin-1"))
    (folder / "studio.onnx").write_bytes(b"x")

    rows = list_models(settings_for(folder))

    found = next(each for each in rows if each.name == "studio")
    assert found.state == "trouble"
    assert "studio.toml" in found.trouble
    assert "u2netp" in [each.name for each in rows]


def test_a_table_that_is_not_used_keeps_no_shipped_model_from_being_fetched(folder: Path) -> None:
    (folder / "silueta.toml").write_text("fit = 3")

    found = row(settings_for(folder), "silueta")

    assert (found.state, "is not used" in found.trouble) == ("fetchable", True)
    assert known_model(settings_for(folder), "silueta").sources


def test_a_broken_link_is_not_there(folder: Path) -> None:
    (folder / "silueta.onnx").symlink_to(folder / "nowhere")

    assert row(settings_for(folder), "silueta").state == "fetchable"


def test_weights_that_rembg_fetched_itself_are_found(folder: Path, own_home: Path) -> None:
    place = own_home / ".rembg" / "models" / "silueta"
    place.mkdir(parents=True)
    (place / "silueta.onnx").write_bytes(b"x")
    (own_home / ".u2net").mkdir()
    (own_home / ".u2net" / "u2net.onnx").write_bytes(b"x")

    assert row(settings_for(folder), "silueta").path == place / "silueta.onnx"
    assert row(settings_for(folder), "u2net").state == "here"


def test_what_rembg_fetched_is_copied_to_where_a_service_looks_if_it_is_right(
    folder: Path, own_home: Path, server: WeightsServer
) -> None:
    describe(folder, "net", server)
    (own_home / ".u2net").mkdir()
    (own_home / ".u2net" / "net.onnx").write_bytes(CONTENT)

    fetched = fetch_named(settings_for(folder), "net", quiet())

    assert (fetched.path, fetched.sha256) == (folder / "net.onnx", server.sha256)
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.path.stat().st_mode & 0o444 == 0o444
    assert server.asked == []
    assert sorted(path.name for path in folder.iterdir()) == ["net.onnx", "net.toml"]


def test_what_rembg_fetched_and_is_not_right_is_fetched(folder: Path, own_home: Path, server: WeightsServer) -> None:
    describe(folder, "net", server)
    (own_home / ".u2net").mkdir()
    (own_home / ".u2net" / "net.onnx").write_bytes(CONTENT[:-1])

    assert fetch_named(settings_for(folder), "net", quiet()).path == folder / "net.onnx"
    assert (folder / "net.onnx").read_bytes() == CONTENT
    assert server.asked != []


def test_size_and_licence_are_told_before_the_first_byte(folder: Path, server: WeightsServer) -> None:
    describe(folder, "net", server, 'megabytes = 0.3\nlicence = "MIT"\nlicence_note = "by its author\'s word"\n')
    err = quiet()

    fetch_named(settings_for(folder), "net", err)

    assert text_of(err).startswith(
        "net: 0.3 MB; licence: MIT (by its author's word); commercial use: not known.\nFetch"
    )


@pytest.mark.parametrize(
    ("commercial_use", "word"), [("no", "does not allow"), ("not known", "is not known to allow"), ("yes", "")]
)
def test_what_the_licence_forbids_is_not_fetched_for_commerce(
    folder: Path, server: WeightsServer, commercial_use: str, word: str
) -> None:
    describe(folder, "net", server, f'licence = "CC BY-NC 4.0"\ncommercial_use = "{commercial_use}"\n')
    settings = settings_for(folder, commercial_use=True)

    if word:
        with pytest.raises(BadSettings, match=rf"engine\.commercial_use is true.*net \(CC BY-NC 4\.0\) {word}"):
            fetch_named(settings, "net", quiet())
        assert server.asked == []
    else:
        assert fetch_named(settings, "net", quiet()).path.is_file()


def test_the_mirror_of_the_settings_is_asked_first(folder: Path, server: WeightsServer) -> None:
    describe(folder, "net", server)
    with WeightsServer() as mirror:
        fetch_named(settings_for(folder, {"mirror": f"{mirror.url}/all"}), "net", quiet())

        assert [path for path, _ in mirror.asked] == ["/all/net.onnx"]


@pytest.mark.parametrize("mirror", ["files.example/models", "ftp://files.example", "https:///models", "/srv/models"])
def test_a_mirror_that_is_no_address_is_refused(mirror: str) -> None:
    with pytest.raises(BadSettings, match=r"engine\.local\.mirror"):
        load(flags={"engine": {"local": {"mirror": mirror}}})


@pytest.mark.parametrize("name", ["u2nep", "isnet", "../u2netp", "/etc/passwd", ""])
def test_a_name_that_nothing_describes_is_refused_with_the_ones_that_may_be_meant(folder: Path, name: str) -> None:
    with pytest.raises(BadSettings, match=rf"no model {name}: (did you mean|allowed are).*u2netp|isnet"):
        fetch_named(settings_for(folder), name, quiet())


def test_a_model_that_nobody_offers_says_where_its_file_belongs(folder: Path) -> None:
    with pytest.raises(BadSettings, match=rf"feynobg cannot be fetched.*{folder} as feynobg\.onnx"):
        fetch_named(settings_for(folder), "feynobg", quiet())


def test_without_a_terminal_a_line_now_and_then_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    now = iter([0.0, 0.0, 5.0, 11.0, 12.0, 25.0])
    show = models_fetch._lines("net", lines.append, lambda: next(now))

    for here in (0, 20_000_000, 50_000_000, 60_000_000, 75_000_000):
        show(here, 100_000_000)

    assert lines == ["net: 50 of 100 MB, about 11 s left", "net: 75 of 100 MB, about 8 s left"]


def test_on_a_terminal_a_bar_shows_megabytes(folder: Path, server: WeightsServer) -> None:
    told = io.StringIO()
    describe(folder, "net", server)

    fetch_named(settings_for(folder), "net", Console(file=told, force_terminal=True, width=120))

    assert "300.0 kB" in told.getvalue() or "0.3" in told.getvalue()


def test_removing_takes_file_table_part_and_speed_and_says_what_is_free(folder: Path) -> None:
    describe(folder, "studio")
    (folder / "studio.onnx").write_bytes(bytes(1000))
    with KeptPart(folder / "studio.onnx", wait=False) as part:
        part.begin(PartNote("0" * 64))
        part.append(bytes(500))
    keep_speed(folder, "studio", 1.0)
    keep_speed(folder, "u2netp", 2.0)
    table_bytes = (folder / "studio.toml").stat().st_size

    files, freed = remove_model(settings_for(folder), "studio", force=False)

    assert freed == 1500 + table_bytes
    assert folder / "studio.onnx" in files
    assert {path.name for path in folder.iterdir()} == {".speeds.json"}
    assert read_speeds(folder) == {"u2netp": 2.0}


def test_what_the_settings_use_is_removed_by_force_only(folder: Path) -> None:
    (folder / "models" / "u2netp").mkdir(parents=True)
    (folder / "models" / "u2netp" / "u2netp.onnx").write_bytes(b"12345")

    with pytest.raises(BadSettings, match=r"use u2netp \(engine\.local\.model.*--force"):
        remove_model(settings_for(folder), "u2netp", force=False)
    assert remove_model(settings_for(folder), "u2netp", force=True)[1] == 5


def test_who_names_no_model_that_is_there_hears_what_is(folder: Path) -> None:
    (folder / "silueta.onnx").write_bytes(b"x")

    with pytest.raises(BadSettings, match=r"There is no model shoes in .*\. What is there: silueta"):
        remove_model(settings_for(folder), "shoes", force=False)


@pytest.mark.parametrize("name", ["siluetta", "../x", "u2net", ""])
def test_removing_what_is_not_there_is_refused(folder: Path, name: str) -> None:
    (folder / "silueta.onnx").write_bytes(b"x")
    (folder.parent / "x.onnx").write_bytes(b"x")

    with pytest.raises(BadSettings, match="There is no model"):
        remove_model(settings_for(folder), name, force=True)

    assert (folder / "silueta.onnx").exists()
    assert (folder.parent / "x.onnx").exists()


def test_removing_a_broken_link_frees_nothing_and_takes_only_the_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(bytes(1000))
    (folder / "silueta.onnx").symlink_to(tmp_path / "elsewhere")
    (folder / "u2net.onnx").symlink_to(folder / "nowhere")

    assert remove_model(settings_for(folder), "silueta", force=False)[1] == 0
    assert remove_model(settings_for(folder), "u2net", force=False)[1] == 0
    assert (tmp_path / "elsewhere").exists()
    assert list(folder.iterdir()) == []


def test_what_is_rembgs_own_is_not_removed(folder: Path, own_home: Path) -> None:
    (own_home / ".u2net").mkdir()
    (own_home / ".u2net" / "silueta.onnx").write_bytes(b"x")

    with pytest.raises(BadSettings, match=r"silueta\.onnx is rembg's own"):
        remove_model(settings_for(folder), "silueta", force=True)


def test_a_model_that_is_being_fetched_is_not_removed(folder: Path) -> None:
    (folder / "silueta.onnx").write_bytes(b"x")
    with (
        KeptPart(folder / "silueta.onnx", wait=False),
        pytest.raises(BadSettings, match="silueta is being fetched right now"),
    ):
        remove_model(settings_for(folder), "silueta", force=False)

    assert (folder / "silueta.onnx").exists()


def test_times_in_the_state_directory_are_listed_and_forgotten(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (folder / "silueta.onnx").write_bytes(b"12345")
    keep_speed(state, "silueta", 1.5)
    settings = settings_for(folder).model_copy(update={"state_dir": str(state)})

    (row,) = [row for row in list_models(settings) if row.name == "silueta"]
    remove_model(settings, "silueta", force=False)

    assert row.seconds == 1.5
    assert read_speeds(state) == {}


@pytest.mark.parametrize("kept", ["", "[]", '{"a": "x", "b": 1}', "{", "null"])
def test_speeds_that_cannot_be_read_are_none(folder: Path, kept: str) -> None:
    (folder / ".speeds.json").write_text(kept)

    assert read_speeds(folder) in ({}, {"b": 1.0})
    keep_speed(folder, "c", 2)
    assert read_speeds(folder)["c"] == 2.0


def test_ctrl_c_keeps_what_arrived_and_the_same_command_goes_on(
    tmp_path: Path, folder: Path, server: WeightsServer
) -> None:
    describe(folder, "net", server)
    (tmp_path / "f.toml").write_text(f'[engine.local]\nweights_dir = "{folder}"\n')
    command = ["models", "fetch", "net", "--config", "f.toml"]
    server.script += [stalls_after(100_000)]
    part = folder / ".net.onnx.part"

    begun = subprocess.Popen(
        [sys.executable, "-m", "daemon", *command],
        env=environment(tmp_path),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while not (part.exists() and part.stat().st_size >= 100_000) and begun.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(begun.pid, signal.SIGINT)
    _, told = begun.communicate(timeout=LONGEST_WAIT_SECONDS)
    after = freisteller(*command, "--json", folder=tmp_path)

    assert begun.returncode == 130
    assert told.endswith("go on with: freisteller models fetch net\n")
    assert server.ranges == ["", "bytes=100000-"]
    assert after.returncode == 0, after.stderr
    assert json.loads(after.stdout) == [
        {
            "name": "net",
            "file": str(folder / "net.onnx"),
            "sha256": server.sha256,
            "source": f"{server.url}/net.onnx",
        }
    ]


def test_exit_codes_tell_a_typing_error_a_wrong_file_and_an_absent_network_apart(
    folder: Path, server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(folder, "net", server)
    monkeypatch.setenv("FREISTELLER__ENGINE__LOCAL__WEIGHTS_DIR", str(folder))
    server.script += [status(404)]

    def code(name: str) -> int:
        monkeypatch.setattr(sys, "argv", ["freisteller", "models", "fetch", name])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    codes = [code("nett"), code("net"), code("net")]
    (folder / "net.onnx").unlink()
    monkeypatch.setattr(fetch_weights, "USUAL_LIMITS", FetchLimits(back_offs=()))
    server.die()

    assert [*codes, code("net")] == [2, 1, 0, 75]
