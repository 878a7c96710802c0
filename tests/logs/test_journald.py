"""Entries with fields reach journald: with the real program, the real library and a receiver in place of journald.

The tests with the library need systemd-python, and root for a mount namespace. Without them they are skipped.
"""

import importlib.util
import io
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.logs import journald, log
from tests.processes import environment

CHECKOUT = Path(__file__).parent.parent.parent
JOURNALD_IS_US = 'mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind "$0" /run/systemd/journal'

Entry = dict[str, bytes]


def decoded(datagram: bytes) -> Entry:
    """One entry of journald's native protocol: NAME=value lines, or NAME, length (uint64, little-endian), value."""
    entry, rest = {}, io.BytesIO(datagram)
    while line := rest.readline():
        name, equals, value = line.removesuffix(b"\n").partition(b"=")
        if not equals:
            value = rest.read(int.from_bytes(rest.read(8), "little"))
            assert rest.read(1) == b"\n"
        entry[name.decode("ascii")] = value
    return entry


class Journald:
    """A receiver in a folder, and programs that take it for journald by the stream of their stderr."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "journal"
        self._folder.mkdir()
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(str(self._folder / "socket"))
        self._line.settimeout(0.1)
        self.stream = folder / "stderr"

    def close(self) -> None:
        self._line.close()

    def entries_of(self, *words: str, settings: Mapping[str, str]) -> list[Entry]:
        """Run a Python program to its end. Returns the entries that reached the receiver."""
        with self.stream.open("wb") as stream:
            there = os.fstat(stream.fileno())
            command = ["unshare", "--mount", "sh", "-c", f'{JOURNALD_IS_US} && exec "$@"', str(self._folder)]
            program = subprocess.Popen(
                [*command, sys.executable, *words],
                env={**settings, "JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"},
                cwd=CHECKOUT,
                stderr=stream,
                stdout=subprocess.DEVNULL,
            )
        entries = []
        try:
            over = False
            while not over:
                over = program.poll() is not None  # we still read what it sent before its end
                with suppress(TimeoutError):
                    while True:
                        entries.append(decoded(self._line.recv(1 << 20)))
        finally:
            program.kill()
            program.wait()
        return entries


@pytest.fixture
def journald_double(tmp_path: Path) -> Iterator[Journald]:
    if importlib.util.find_spec("systemd.journal") is None:
        pytest.skip("systemd-python is not installed: pip install '.[systemd]'")
    if os.geteuid() or subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs root and mount namespaces")
    journald_double = Journald(tmp_path)
    yield journald_double
    journald_double.close()


def test_a_photo_that_fails_is_found_in_journald_by_its_fields(journald_double: Journald, tmp_path: Path) -> None:
    inbox = tmp_path / "hot" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "brief ü.jpg").write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n")

    entries = journald_double.entries_of("-m", "daemon", "run", "--once", settings=environment(tmp_path))

    (failed,) = [entry for entry in entries if entry.get("FREISTELLER_ACTION") == b"job_failed"]
    assert failed["MESSAGE"].decode().startswith("brief ü.jpg: ")
    assert failed["PRIORITY"] == b"4"
    assert failed["SYSLOG_IDENTIFIER"] == b"freisteller"
    assert failed["FREISTELLER_NAME"].decode() == "brief ü.jpg"
    assert b"job=" + failed["FREISTELLER_JOB"] in failed["MESSAGE"]
    assert float(failed["FREISTELLER_SECONDS"]) >= 0
    assert journald_double.stream.read_bytes() == b""  # nothing is logged twice


def test_any_value_is_a_field_and_no_secret_is(journald_double: Journald, tmp_path: Path) -> None:
    program = """
import logging, sys
from daemon.logs import log
log.set_up("info", "auto", sys.stderr)
fields = {"name": "a\\nPRIORITY=0\\0\\udce9.jpg", "größe-px": [3, 4], "server": None, "x" * 70: True}
fields["token"] = "hunter2"
log.log("odd", "evil\\nhttps://me:hunter2@gpu1/", level=logging.ERROR, error=ValueError("Bearer hunter2"), **fields)
"""
    (entry,) = journald_double.entries_of("-c", program, settings=environment(tmp_path))

    assert entry["PRIORITY"] == b"3"
    assert entry["FREISTELLER_NAME"] == b"a\nPRIORITY=0\x00\\udce9.jpg"
    assert entry["FREISTELLER_GR_SSE_PX"] == b"[3, 4]"
    assert entry["FREISTELLER_" + "X" * 52] == b"true"
    assert entry["FREISTELLER_TOKEN"] == b"***"
    assert "FREISTELLER_SERVER" not in entry
    assert b"hunter2" not in b"".join(entry.values())
    assert entry["MESSAGE"].startswith(b"evil\\nhttps://***@gpu1/ ")
    assert b"ValueError" in entry["FREISTELLER_ERROR"]


def test_a_format_that_is_set_keeps_the_stream(journald_double: Journald, tmp_path: Path) -> None:
    program = "import sys; from daemon.logs import log; log.set_up('info', 'json', sys.stderr); log.log('a', 'b')"

    assert journald_double.entries_of("-c", program, settings=environment(tmp_path)) == []
    assert journald_double.stream.read_bytes().startswith(b'<6>{"ts"')


@pytest.mark.usefixtures("logging_as_it_was")
@pytest.mark.parametrize("lacking", ["library", "socket"])
def test_without_library_or_socket_the_stream_has_lines_with_priorities(
    lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, (tmp_path / "stderr").open("w") as stream:
        line.bind(str(tmp_path / "socket"))
        there = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        monkeypatch.setattr(journald, "_SOCKET", tmp_path / ("socket" if lacking == "library" else "nowhere"))
        if lacking == "library":
            monkeypatch.setitem(sys.modules, "systemd.journal", None)
        log.set_up("info", "auto", stream)
        log.log("root_away", "away", level=logging.ERROR)

    assert (tmp_path / "stderr").read_text().startswith('<3>{"ts"')


@pytest.mark.usefixtures("logging_as_it_was")
def test_what_journald_refuses_goes_to_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(priority: int, text: str, fields: Mapping[str, object]) -> None:
        raise ConnectionRefusedError

    with (tmp_path / "stderr").open("w") as stream:
        there = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        monkeypatch.setattr(journald, "sender", lambda: refuse)
        log.set_up("info", "auto", stream)
        log.log("job_done", "fine")

    assert (tmp_path / "stderr").read_text().startswith('<6>{"ts"')
