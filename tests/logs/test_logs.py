"""Log lines: one for each change of state, for programs or for people."""

import io
import json
import logging
import os
import threading
import warnings
from pathlib import Path

import pytest

from daemon.logs import log

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def written(stream: io.StringIO) -> dict[str, object]:
    """The one JSON line of the stream."""
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    entry = json.loads(lines[0])
    assert isinstance(entry, dict)
    return entry


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    log.set_up("info", "json", stream)
    return stream


def test_a_line_for_programs_has_its_fixed_keys_first(stream: io.StringIO) -> None:
    log.log("job_done", "cup.jpg: gut", grade="gut", job="a1", score=0.75)

    entry = written(stream)
    assert list(entry) == ["ts", "level", "action", "job", "message", "grade", "score"]
    assert entry["action"] == "job_done"
    assert entry["level"] == "info"
    assert entry["job"] == "a1"
    assert entry["score"] == 0.75
    assert str(entry["ts"]).endswith("Z")


def test_the_lines_of_one_work_share_what_is_said_once(stream: io.StringIO) -> None:
    def shown() -> list[dict[str, object]]:
        told = [json.loads(line) for line in stream.getvalue().splitlines()]
        return [{key: line.get(key) for key in ("worker", "job")} for line in told]

    log.share(worker="nobody listens")
    log.log("before", "…")
    with log.lines_of_one_work():
        log.share(worker="one", job="7")
        log.log("within", "…")
        log.log("within", "…", worker="two")
        other = threading.Thread(target=log.log, args=("beside", "…"))
        other.start()
        other.join()
        log.share(worker=None)
        log.log("within", "…")
    log.log("after", "…")

    nothing = {"worker": None, "job": None}
    one, two, neither = ({"worker": each, "job": "7"} for each in ("one", "two", None))
    assert shown() == [nothing, one, two, nothing, neither, nothing]


def test_auto_means_text_on_a_terminal_and_json_elsewhere() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    log.set_up("info", "auto", terminal)
    log.log("started", "Watching hotfolder")
    log.set_up("info", "auto", pipe)
    log.log("started", "Watching hotfolder")

    assert terminal.getvalue().endswith(" Watching hotfolder\n")
    assert not terminal.getvalue().startswith("{")
    assert written(pipe)["message"] == "Watching hotfolder"


def test_journald_learns_the_priority_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "other").open("w") as other:
        there = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        for stream in (journal, other):
            log.set_up("info", "auto", stream)
            log.log("job_done", "fine")
            log.log("root_away", "away", level=logging.ERROR)

    assert [line[:4] for line in (tmp_path / "journal").read_text().splitlines()] == ["<6>{", "<3>{"]
    assert [line[:1] for line in (tmp_path / "other").read_text().splitlines()] == ["{", "{"]


def test_a_second_set_up_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    log.set_up("info", "json", first)
    log.set_up("info", "json", second)
    log.log("started", "once")

    assert first.getvalue() == ""
    assert written(second)["message"] == "once"


def test_a_file_name_with_a_line_break_is_still_one_line() -> None:
    terminal = Terminal()
    log.set_up("info", "text", terminal)
    log.log("job_done", "evil\n12:00:00 all is well.jpg", name="a\x1b[2Jb\u2028c")

    assert terminal.getvalue().count("\n") == 1
    assert "\x1b" not in terminal.getvalue()
    assert "\\n12:00:00" in terminal.getvalue()
    assert len(terminal.getvalue().splitlines()) == 1


def test_a_file_name_that_is_no_text_is_still_a_line_of_utf_8(stream: io.StringIO) -> None:
    log.log("job_done", "ungenügend caf\udce9.jpg")

    assert "ungenügend" in stream.getvalue()
    assert stream.getvalue().encode()
    assert written(stream)["message"] == "ungenügend caf\udce9.jpg"


def test_a_percent_sign_in_a_name_is_just_a_percent_sign(stream: io.StringIO) -> None:
    log.log("job_done", "100%s wool.jpg")

    assert written(stream)["message"] == "100%s wool.jpg"


def test_secrets_are_hidden_wherever_they_hide(stream: io.StringIO) -> None:
    log.log(
        "engine_away",
        "https://studio:hunter2@gpu1:8188 refused Bearer hunter2",
        token="hunter2",
        request={"headers": {"Authorization": "Bearer hunter2"}, "urls": ["http://hunter2@gpu2/"]},
        error=ValueError("GET http://hunter2@gpu1/ failed"),
    )

    assert "hunter2" not in stream.getvalue()
    assert "gpu1:8188" in stream.getvalue()


def test_a_level_below_the_chosen_one_is_not_written(stream: io.StringIO) -> None:
    log.log("http_request", "GET /metrics", level=logging.DEBUG)

    assert stream.getvalue() == ""


def test_a_level_is_shown_to_people_when_it_matters() -> None:
    terminal = Terminal()
    log.set_up("info", "text", terminal)
    log.log("root_away", "The hot folder is away", level=logging.WARNING)

    assert " WARNING The hot folder is away" in terminal.getvalue()


def test_a_library_is_heard_from_warning_on_and_in_the_same_form(stream: io.StringIO) -> None:
    logging.getLogger("urllib3.connectionpool").info("Starting new connection")
    logging.getLogger("urllib3.connectionpool").warning("Retrying %s", "again")

    entry = written(stream)
    assert entry["action"] == "urllib3.connectionpool"
    assert entry["message"] == "Retrying again"


@pytest.mark.filterwarnings("default")
def test_a_librarys_python_warning_is_a_line_like_any_other(stream: io.StringIO) -> None:
    warnings.warn("this will change", FutureWarning, stacklevel=1)

    entry = written(stream)
    assert entry["action"] == "py.warnings"
    assert "this will change" in str(entry["message"])


def test_an_error_keeps_its_traceback_in_one_json_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("no such thing")
    except ValueError as error:
        log.log("internal_error", "Something broke", level=logging.ERROR, error=error)

    entry = written(stream)
    assert "Traceback" in str(entry["error"])
    assert "no such thing" in str(entry["error"])


def test_fields_that_say_nothing_are_left_out_and_odd_ones_become_text(stream: io.StringIO) -> None:
    log.log("job_done", "done", server=None, size=(3, 4), error_type=ValueError)

    entry = written(stream)
    assert "server" not in entry
    assert entry["size"] == [3, 4]
    assert entry["error_type"] == "<class 'ValueError'>"


def test_a_field_cannot_pose_as_a_fixed_key(stream: io.StringIO) -> None:
    log.log("job_done", "done", ts="yesterday")

    assert written(stream)["ts"] != "yesterday"
