"""`freisteller verdicts --refit --write`: two numbers change in a settings file, and nothing else."""

import os
import tomllib
from pathlib import Path

import pytest

from daemon.commands.write_thresholds import write_thresholds
from daemon.disk.shipped import shipped
from daemon.errors import BadSettings, NoRoom
from daemon.judgement.grading import Thresholds

NEW = Thresholds(0.91, 0.72)
SHIPPED = shipped("config", "freisteller.toml").read_text("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "root = 'x'",
        "root = 'x'\n",
        "# only\n# comments",
        "[grading]\n",
        "[grading]\nsehr_gut = 0.9\ngut = 0.5",
        "[grading] # why\n  gut= 0.5\n\n[log]\nlevel = 'info'\n",
        "[grading]\n# lowest\n\n# the end of it\n\n[log]\n",
        "[[comfyui.servers]]\nurl = 'http://a'\n",
        "grading = { sehr_gut = 0.9 }\n",
        "grading = {}\nroot = 'x'\n",
        "grading.gut = 0.5 # dotted\nroot = 'x'\n\n[log]\nlevel = 'info'\n",
        "[ 'grading' ]\n\"sehr_gut\" = 9e-1 # quoted\n",
        "'grading'.'gut' = 0.5\n",
        "[strategy]\nmax_attempts = 2\n[grading]\n\tgut\t=\t+5e-1\t# tabs\n",
        "root = '''\n[grading]\ngut = 0.1\n'''\n",
        SHIPPED,
    ],
)
def test_thresholds_are_put_into_any_settings_file_and_all_else_stays(text: str, tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text(text)
    before = tomllib.loads(text)

    write_thresholds(path, NEW)

    after = tomllib.loads(path.read_text())
    assert after.pop("grading") == {**before.pop("grading", {}), "sehr_gut": 0.91, "gut": 0.72}
    assert after == before
    assert {line for line in text.splitlines() if line.startswith("#")} <= set(path.read_text().splitlines())


def test_only_the_lines_of_the_two_keys_change_in_the_shipped_settings(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text(SHIPPED)

    write_thresholds(path, NEW)

    pairs = list(zip(SHIPPED.splitlines(), path.read_text().splitlines(), strict=True))
    assert [new.partition("#")[0].strip() for old, new in pairs if old != new] == ["sehr_gut = 0.91", "gut = 0.72"]
    assert all(old.partition("#")[2] == new.partition("#")[2] for old, new in pairs)


@pytest.mark.parametrize("text", ["root = 'x'\n", "[grading]\nsehr_gut = 0.9 # why\n\n[log]\n"])
def test_lines_that_end_as_on_windows_all_end_so_afterwards(text: str, tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(text.replace("\n", "\r\n").encode())

    write_thresholds(path, NEW)

    changed = path.read_bytes()
    assert changed.count(b"\n") == changed.count(b"\r\n") > text.count("\n")
    assert tomllib.loads(changed.decode())["grading"] == {"sehr_gut": 0.91, "gut": 0.72}


@pytest.mark.parametrize("text", ["[grading\n", "grading = 5\n", "[[grading]]\ngut = 0.5\n", "a = 1\na = 2\n"])
def test_a_file_that_cannot_be_changed_safely_is_left_as_it_is(text: str, tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text(text)

    with pytest.raises(BadSettings, match=r"f\.toml"):
        write_thresholds(path, NEW)

    assert path.read_text() == text
    assert [found.name for found in tmp_path.iterdir()] == ["f.toml"]


def test_a_refusal_says_what_to_write_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text("grading = 5\n")

    with pytest.raises(BadSettings, match=r"Set sehr_gut = 0\.91, gut = 0\.72 in its \[grading\] section yourself\."):
        write_thresholds(path, NEW)


def test_a_file_of_other_bytes_than_text_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(b"root = 'M\xfcller'\n")

    with pytest.raises(BadSettings, match="not valid TOML"):
        write_thresholds(path, NEW)

    assert path.read_bytes() == b"root = 'M\xfcller'\n"


@pytest.mark.parametrize("mode", [0o600, 0o444, 0o640])
def test_a_changed_file_keeps_its_rights(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text("[grading]\n")
    path.chmod(mode)

    write_thresholds(path, NEW)

    assert path.stat().st_mode & 0o7777 == mode
    assert "sehr_gut = 0.91" in path.read_text()


def test_settings_that_root_changes_still_belong_to_the_daemon_s_user(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a file away")
    path = tmp_path / "f.toml"
    path.write_text("[grading]\n")
    os.chown(path, 12345, 12346)

    write_thresholds(path, NEW)

    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)


def test_a_link_that_somebody_laid_beside_the_settings_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("theirs")
    (tmp_path / ".f.toml.part").symlink_to(tmp_path / "secret")
    path = tmp_path / "f.toml"
    path.write_text("[grading]\n")

    write_thresholds(path, NEW)

    assert (tmp_path / "secret").read_text() == "theirs"
    assert not path.is_symlink()


def test_a_place_that_cannot_be_written_is_an_error_with_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(NoRoom, match=r"file/f\.toml cannot be written"):
        write_thresholds(tmp_path / "file" / "f.toml", NEW)
