"""Whatever the locale says, names and output are UTF-8."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drawing import save_photo
from tests.processes import environment

NOT_UTF8 = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def told(*words: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "daemon", *words],
        env=environment(folder, **NOT_UTF8, **variables),
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_a_photo_with_an_umlaut_gets_its_grade_in_a_locale_without_umlauts(tmp_path: Path) -> None:
    (tmp_path / "hot" / "inbox").mkdir(parents=True)
    save_photo(tmp_path / "hot" / "inbox" / "Äpfel.png")

    done = told("run", "--once", folder=tmp_path)
    status = told("status", "--json", folder=tmp_path)

    assert done.returncode == 0, done.stderr.decode()
    assert [path.parent.name for path in (tmp_path / "hot").glob("*/Äpfel.json")], done.stdout.decode()
    assert "Äpfel.png" in done.stderr.decode()
    assert "ungenügend" in done.stderr.decode()
    assert "ungenügend" in json.loads(status.stdout)["grades"]


def test_what_is_typed_arrives_as_it_was_typed(tmp_path: Path) -> None:
    asked = told("install", "--root", "/srv/Fotos für Müller", "--dry-run", folder=tmp_path)

    assert asked.returncode == 0, asked.stderr.decode()
    assert 'root = "/srv/Fotos für Müller"' in asked.stdout.decode()


def test_output_in_another_encoding_is_no_traceback(tmp_path: Path) -> None:
    asked = told("--help", folder=tmp_path, PYTHONIOENCODING="ascii")

    assert asked.returncode == 0, asked.stderr.decode()
    assert asked.stderr == b""


def test_a_name_of_any_bytes_can_be_told(tmp_path: Path) -> None:
    name = os.fsdecode(b"f\xe9.toml")
    asked = told("status", "--config", name, folder=tmp_path)

    assert asked.returncode == 2
    assert b"Traceback" not in asked.stderr
    assert b".toml cannot be read" in asked.stderr
