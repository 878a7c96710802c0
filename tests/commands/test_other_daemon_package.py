"""The package python-daemon is called daemon, too: whichever is installed over the other, or before it, is told."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import daemon
from daemon.commands.doctor_package import package_check
from tests.processes import environment

OURS = Path(daemon.__file__).parent
CHECKOUT = OURS.parent
THEIR_INIT = '"""Library to implement a well-behaved Unix daemon process."""\nfrom .daemon import DaemonContext\n'


def put_theirs(folder: Path) -> Path:
    """The files of python-daemon that count, as pip lays them down."""
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(THEIR_INIT)
    (folder / "daemon.py").write_text("class DaemonContext: ...\n")
    (folder / "pidfile.py").write_text("")
    return folder


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Freisteller, installed into a folder."""
    folder = tmp_path / "site"
    shutil.copytree(OURS, folder / "daemon", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "freisteller_command.py", folder)
    for data in ("workflows", "config", "systemd"):  # beside the package, as in a checkout
        shutil.copytree(CHECKOUT / data, folder / data)
    return folder


def command(start: str, *path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """`freisteller doctor --json` by one of its two ways, with these places on Python's path."""
    words = {
        "freisteller": ["-c", "import sys; from freisteller_command import main; sys.argv[0] = 'freisteller'; main()"],
        "python -m daemon": ["-m", "daemon"],
    }
    return subprocess.run(
        [sys.executable, "-P", *words[start], "doctor", "--json"],
        env={**environment(folder), "PYTHONPATH": os.pathsep.join(map(str, path))},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_theirs_before_ours_is_told_in_place_of_a_traceback(ours: Path, tmp_path: Path) -> None:
    theirs = put_theirs(tmp_path / "daemon")

    done = command("freisteller", tmp_path, ours, folder=tmp_path)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(theirs / "__init__.py") in done.stderr
    assert "pip uninstall python-daemon" in done.stderr


@pytest.mark.parametrize("start", ["freisteller", "python -m daemon"])
def test_theirs_installed_over_ours_is_told_in_place_of_a_traceback(start: str, ours: Path, tmp_path: Path) -> None:
    put_theirs(ours / "daemon")

    done = command(start, ours, folder=tmp_path)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "was overwritten by another package called daemon" in done.stderr
    assert "pip install --force-reinstall freisteller" in done.stderr


def test_ours_installed_over_theirs_is_found_by_doctor(ours: Path, tmp_path: Path) -> None:
    init = (ours / "daemon" / "__init__.py").read_text("utf-8")
    put_theirs(ours / "daemon")
    (ours / "daemon" / "__init__.py").write_text(init)

    done = command("freisteller", ours, folder=tmp_path)

    assert done.returncode == 1, done.stderr
    assert "files of another package called daemon lie among Freisteller's" in done.stdout
    assert "daemon.py, pidfile.py" in done.stdout


def test_theirs_behind_ours_is_a_warning(tmp_path: Path) -> None:
    theirs = put_theirs(tmp_path / "daemon")

    check = package_check(path=[str(CHECKOUT), str(tmp_path)])

    assert check.level == "warn"
    assert str(theirs) in check.detail


def test_a_module_called_daemon_is_found_as_well(tmp_path: Path) -> None:
    (tmp_path / "daemon.py").write_text("")

    assert package_check(path=[str(tmp_path)]).level == "warn"


def test_another_copy_of_freisteller_is_no_stranger(ours: Path) -> None:
    assert package_check(path=[str(CHECKOUT), str(ours), "/does/not/exist"]).level == "OK"
