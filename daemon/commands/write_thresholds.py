"""Writes thresholds into a settings file, whose comments, order and layout stay as a person wrote them."""

import os
import tomllib
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from daemon.errors import BadSettings, NoRoom
from daemon.judgement.grading import Thresholds


def write_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Set sehr_gut and gut of [grading] in this file, and change nothing else. A file that is not there is made.

    Raises BadSettings if the file cannot be read or changed safely, NoRoom if it cannot be written. Then it is as it
    was.
    """
    wanted = {"sehr_gut": thresholds.sehr_gut, "gut": thresholds.gut}
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
        before = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is not valid TOML: {error}. Nothing was written.") from error
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}. Nothing was written.") from error
    changed = _changed(text, before, wanted)
    if changed is None:
        values = ", ".join(f"{name} = {value:g}" for name, value in wanted.items())
        raise BadSettings(
            f"{path} cannot be changed automatically without damaging its layout. "
            f"Set {values} in its [grading] section yourself."
        )
    try:
        _replace(path, changed.encode("utf-8"))
    except OSError as error:
        raise NoRoom(f"{path} cannot be written: {error.strerror}. Name another file.") from error


def _changed(text: str, before: Mapping[str, Any], wanted: Mapping[str, float]) -> str | None:
    """The TOML `text` with these keys of [grading]. Returns None if it would also change something else.

    before: what the text means now. tomllib checks what tomlkit makes of it, because the daemon reads it by tomllib.
    """
    try:
        document = tomlkit.parse(text)
        section = document.setdefault("grading", tomlkit.table())
        if not isinstance(section, MutableMapping):
            return None
        section.update(wanted)
        changed = tomlkit.dumps(document)
        after = tomllib.loads(changed)
    except (TOMLKitError, tomllib.TOMLDecodeError):
        return None
    if after != {**before, "grading": {**before.get("grading", {}), **wanted}}:
        return None
    in_windows_lines = "\r\n" in text and "\n" not in text.replace("\r\n", "")
    return changed.replace("\r\n", "\n").replace("\n", "\r\n") if in_windows_lines else changed


def _replace(path: Path, content: bytes) -> None:
    """Write the file whole or not at all, with the owner and the rights that it had. Raises OSError."""
    scratch = path.with_name(f".{path.name}.part")
    try:
        scratch.unlink(missing_ok=True)  # of a run that died, or a link that somebody laid there
        if path.exists():
            old = path.stat()
            scratch.touch(0o600, exist_ok=False)  # it may hold a password
            scratch.write_bytes(content)
            with suppress(PermissionError):  # only root may give a file away
                os.chown(scratch, old.st_uid, old.st_gid)
            scratch.chmod(old.st_mode & 0o7777)
        else:
            scratch.write_bytes(content)
        scratch.replace(path)
    except OSError:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise
