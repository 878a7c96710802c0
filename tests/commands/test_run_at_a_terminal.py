"""`freisteller run` tells its story once and in one form: lines that fit, at a terminal, else JSON."""

import json
import socket
from pathlib import Path

import pytest

from daemon.commands.run import stop_text
from daemon.commands.terminal import job_end_line
from daemon.jobs import Grade, Job
from daemon.logs.fitted import columns
from daemon.publishing.job_events import JobEnd
from tests.at_terminal import CTRL_C, AtTerminal
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.observe.prometheus import free_port
from tests.processes import freisteller

LONG = "Frühjahr " * 12 + "写真_0007.png"
READY = "Stop with Ctrl-C."


def json_lines(text: str) -> list[str]:
    """The actions of lines that are all JSON."""
    return [json.loads(line)["action"] for line in text.splitlines()]


def server(url: str) -> dict[str, str]:
    return {"FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": url}])}


@pytest.mark.slow
def test_a_whole_life_at_a_terminal_is_told_in_lines_that_fit(tmp_path: Path) -> None:
    hot, away = tmp_path / "hot", tmp_path / "away"
    with Double() as double, AtTerminal(tmp_path, "run", "--samples", settings=server(double.url)) as terminal:
        terminal.wait_for(READY)
        save_photo(hot / "inbox" / LONG)
        terminal.wait_for("0007.png ")
        (hot / "inbox" / "text.jpg").write_text("no photo " * 100)
        terminal.wait_for("text.jpg is not a photo")
        freisteller("pause", folder=tmp_path)
        terminal.wait_for("Paused by ")
        freisteller("resume", folder=tmp_path)
        terminal.wait_for("Work goes on.")
        hot.rename(away)
        terminal.wait_for("share again; the work goes on by itself.")
        away.rename(hot)
        terminal.wait_for("is back.")
        double.die()
        save_photo(hot / "inbox" / "later.png", drawn_photo(seed=2))
        terminal.wait_for("No engine works, so photos wait.")
        terminal.wait_for("freisteller doctor")
        double.revive()
        terminal.wait_for("An engine works again; photos go on.")
        terminal.wait_for("later.png ")
        terminal.type(CTRL_C)
        code = terminal.ended()

    assert code == 0
    assert "Done: 2, failed: 1." in terminal.screen
    assert terminal.broadest <= 80
    for once in ("No engine works", "Paused by", "share again", "text.jpg  ", "later.png  "):
        assert terminal.screen.count(once) <= 1, terminal.screen
    for other_form in ('{"', "WARNING", "job=", "engine_away", "Traceback"):
        assert other_form not in terminal.screen, terminal.screen


@pytest.mark.slow
def test_a_stop_and_the_next_start_say_what_goes_on(tmp_path: Path) -> None:
    dead = server(f"http://127.0.0.1:{free_port()}")
    for name in ("a.png", "b.png"):
        save_photo(tmp_path / "hot" / "inbox" / name, drawn_photo(seed=ord(name[0])))
    with AtTerminal(tmp_path, "run", settings=dead) as terminal:
        terminal.wait_for("No engine works, so photos wait.")
        terminal.wait_for(lambda _: not list((tmp_path / "hot" / "inbox").iterdir()))
        terminal.type(CTRL_C)
        terminal.ended()
    with AtTerminal(tmp_path, "run", settings=dead) as again:
        again.wait_for("No engine works, so photos wait.")
        again.type(CTRL_C)
        again.ended()

    stopped = terminal.screen.partition("Stopping")[2]
    assert "2 photos go on at the next start." in stopped
    assert "engine" not in stopped
    assert "cannot be reached" not in stopped
    assert again.screen.count("2 photos of last time go on.") == 1
    assert again.screen.count("cannot be reached") == 1


@pytest.mark.slow
def test_an_engine_without_weights_is_told_once_with_what_to_type(tmp_path: Path) -> None:
    lacks = {"WEIGHTS_DIR": str(tmp_path / "none"), "MODEL": "u2net"}
    settings = {f"FREISTELLER__ENGINE__LOCAL__{key}": value for key, value in lacks.items()}
    settings["U2NET_HOME"] = lacks["WEIGHTS_DIR"]
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    with AtTerminal(tmp_path, "run", settings=settings) as terminal:
        terminal.wait_for("No engine works, so photos wait.")
        terminal.wait_for("freisteller models fetch u2net")
        terminal.wait_for("freisteller doctor")
        terminal.type(CTRL_C)
        terminal.ended()

    assert terminal.screen.count("weights of u2net") == 1, terminal.screen
    assert "go on without" not in terminal.screen


@pytest.mark.slow
def test_ctrl_c_reaches_all_processes_and_a_photo_in_work_ends_well(tmp_path: Path) -> None:
    with Double() as double, AtTerminal(tmp_path, "run", settings=server(double.url)) as terminal:
        double.faults.hold = True
        save_photo(tmp_path / "hot" / "inbox" / "a.png")
        terminal.wait_for(lambda _: len(double.inferences) == 1)
        terminal.type(CTRL_C)
        terminal.wait_for("Stopping; 1 photo in work gets up to 30 s")
        double.set_faults({"hold": False})
        code = terminal.ended()

    assert code == 0
    assert "Done: 1, failed: 0." in terminal.screen, terminal.screen
    assert "Traceback" not in terminal.screen


@pytest.mark.slow
def test_a_second_ctrl_c_ends_at_once_and_says_so(tmp_path: Path) -> None:
    with Double() as double, AtTerminal(tmp_path, "run", settings=server(double.url)) as terminal:
        double.faults.hold = True
        save_photo(tmp_path / "hot" / "inbox" / "a.png")
        terminal.wait_for(lambda _: len(double.inferences) == 1)
        terminal.type(CTRL_C)
        terminal.wait_for("Stopping; 1 photo in work gets up to 30 s to end. Ctrl-C again ends at once")
        terminal.type(CTRL_C)
        code = terminal.ended()
        double.set_faults({"hold": False})

    assert code == 130
    assert "Stopped at once. Nothing is lost" in terminal.screen


@pytest.mark.slow
def test_what_is_wrong_at_the_start_is_told_in_the_form_of_the_reader(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = {"FREISTELLER__HTTP__BIND": f"127.0.0.1:{other.getsockname()[1]}"}
        with AtTerminal(tmp_path, "run", settings=taken) as port:
            codes = [port.ended()]
        piped = freisteller("run", folder=tmp_path, **taken)
    wrong = {"FREISTELLER__INTAKE__QUIET_SECNDS": "1"}
    with AtTerminal(tmp_path, "run", settings=wrong) as setting:
        codes.append(setting.ended())
    piped_setting = freisteller("run", folder=tmp_path, **wrong)

    assert [*codes, piped.returncode, piped_setting.returncode] == [2, 2, 2, 2]
    assert port.screen.startswith("Error: Another program has the port")
    assert setting.screen.startswith("Error: ")
    assert max(port.broadest, setting.broadest) <= 80
    for done in (piped, piped_setting):
        assert done.stdout == ""
        assert json_lines(done.stderr) == ["not_started"]


@pytest.mark.slow
def test_each_stream_has_one_form(tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    log, lines = tmp_path / "log", tmp_path / "lines"

    with AtTerminal(tmp_path, "run", "--once", stderr=log) as at_screen:
        at_screen.ended()
    with AtTerminal(tmp_path, "run", "--once", stdout=lines) as kept:  # as in `freisteller run | tee FILE`
        kept.ended()
    piped = freisteller("run", "--once", folder=tmp_path)
    as_text = freisteller("run", "--once", folder=tmp_path, FREISTELLER__LOG__FORMAT="text")

    assert "a.png  " in at_screen.screen
    assert "{" not in at_screen.screen
    assert {"started", "job_done", "stopped"} <= set(json_lines(log.read_text("utf-8")))
    assert lines.read_text("utf-8").startswith("Drop photos into")
    assert (kept.screen, piped.stdout, as_text.stderr) == ("", "", "")
    assert {"started", "stopped"} <= set(json_lines(piped.stderr))
    assert as_text.stdout.startswith("Drop photos into")


@pytest.mark.slow
@pytest.mark.parametrize("width", [50, 132])
def test_the_width_is_that_of_the_terminal(tmp_path: Path, width: int) -> None:
    save_photo(tmp_path / "hot" / "inbox" / LONG)
    with AtTerminal(tmp_path, "run", "--once", "--samples", width=width) as terminal:
        terminal.ended()

    assert terminal.broadest <= width
    assert "7.png" in terminal.screen


@pytest.mark.parametrize("width", [30, 48, 49, 80, 120, 200])
@pytest.mark.parametrize("name", ["a.jpg", LONG, "写真" * 60 + ".tif", "ü" * 120 + ".jpg", "x\x1b[2J\ny.png"])
@pytest.mark.parametrize("grade", [Grade.SEHR_GUT, None])
def test_the_line_of_a_photo_fits_and_its_figures_stand_in_columns(width: int, name: str, grade: Grade | None) -> None:
    reason = f"{name} cannot be decoded; it is damaged or cut off (premature end). Save or copy it again."
    end = JobEnd(Job("1", name), grade, None, 1234.5, reason if grade is None else "")

    first, *more = job_end_line(end, width).plain.splitlines()

    assert all(columns(line) <= max(width, 32) for line in (first, *more))
    seconds = first.index("1234.5 s")
    assert columns(first[:seconds]) == (min(width, 80) if width >= 49 else max(width, 32)) - len("1234.5 s")
    assert bool(more) == (grade is None and (width < 200 or len(name) > 20))


@pytest.mark.parametrize(
    ("running", "said"), [(0, "Stopping."), (1, "1 photo in work gets up to 30 s"), (1234, "1,234 photos in work get")]
)
def test_a_stop_says_what_is_still_done(running: int, said: str) -> None:
    assert said in stop_text(running, 30.0)
