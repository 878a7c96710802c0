import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.disk import open_writers
from daemon.disk.open_writers import open_for_writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"photo")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if open_for_writing(descriptor) is None:
            pytest.skip("this file system grants no leases")
    finally:
        os.close(descriptor)
    return path


def asked(path: Path) -> bool | None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return open_for_writing(descriptor)
    finally:
        os.close(descriptor)


def test_a_file_that_nobody_writes_is_free(path: Path) -> None:
    with path.open("rb"):
        assert asked(path) is False


def test_a_writer_in_this_process_is_seen(path: Path) -> None:
    with path.open("ab"):
        assert asked(path) is True
    assert asked(path) is False


def test_a_writer_in_another_process_is_seen_until_it_dies(path: Path) -> None:
    code = "import sys; file = open(sys.argv[1], 'ab'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"

        assert asked(path) is True

        writer.kill()
    assert asked(path) is False


def test_asking_leaves_no_lease_behind(path: Path) -> None:
    with path.open("rb") as file:
        open_for_writing(file.fileno())

        assert fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_UNLCK
        with path.open("ab") as writer:  # if we had a lease, this would block and send us a signal
            writer.write(b"more")


def test_a_writer_that_comes_while_we_ask_does_not_end_us(path: Path) -> None:
    """The kernel then sends a signal. The default one would end the process."""
    code = (
        "import fcntl, os, subprocess, sys\n"
        "from daemon.disk import open_writers\n"
        "real = fcntl.fcntl\n"
        "comes = [sys.executable, '-c', 'import sys; open(sys.argv[1], \"ab\")', sys.argv[1]]\n"
        "def asking(file, command, argument):\n"
        "    result = real(file, command, argument)\n"
        "    if (command, argument) == (fcntl.F_SETLEASE, fcntl.F_RDLCK):\n"
        "        started.append(subprocess.Popen(comes))\n"
        "        while real(file, fcntl.F_GETLEASE) == fcntl.F_RDLCK: pass\n"  # until the writer asks to break it
        "    return result\n"
        "started = []\n"
        "fcntl.fcntl = asking\n"
        "assert open_writers.open_for_writing(os.open(sys.argv[1], os.O_RDONLY)) is False\n"
        "sys.exit(started[0].wait())\n"
    )

    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0


def test_a_file_system_without_leases_cannot_say(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(open_writers.fcntl, "fcntl", unsupported)  # type: ignore[attr-defined]

    assert asked(path) is None
