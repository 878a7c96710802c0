"""Reads and makes the root's identity file, which tells our hot folder from an empty mount point or another share."""

import json
import os
import uuid
from contextlib import suppress
from pathlib import Path

from daemon.disk import no_replace, open_below
from daemon.errors import RootAway, Said

NAME = "root.json"


def read_identity(folder: Path) -> str | None:
    """The id in `folder`/root.json. Returns None if there is no such file, raises RootAway if it is damaged."""
    path = folder / NAME
    try:
        content = json.loads(open_below.read_small(path))
        return str(uuid.UUID(content["id"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RootAway(Said("file_damaged", path=path, detail=error)) from error


def make_identity(folder: Path) -> str:
    """Write a new id, whole or not at all, and return it. If two daemons try at once, both get the first one's id."""
    content = json.dumps({"id": str(uuid.uuid4()), "made_by": "freisteller"}).encode() + b"\n"
    scratch = f"{NAME}.{uuid.uuid4().hex}"
    with open_below.opened(folder) as descriptor:
        try:
            open_below.write_new(scratch, content, descriptor)
            with suppress(FileExistsError):
                no_replace.move(descriptor, scratch, descriptor, NAME)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(scratch, dir_fd=descriptor)
        open_below.settle(descriptor)
    identity = read_identity(folder)
    if identity is None:
        raise RootAway(Said("written_and_gone", path=folder / NAME, folder=folder))
    return identity
