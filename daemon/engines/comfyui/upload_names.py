"""Gives an upload a file name that no prompt still needs, and reuses few names.

ComfyUI reads a picture when its prompt runs, not when the prompt is posted, and no route deletes a file: only a restart
of the server wipes its temp folder. So a name is free only if no call of ours holds it and no prompt in the server's
queue mentions it. After a kill -9 the queue may still hold prompts of the previous run.
"""

import contextlib
import hashlib
import re
import threading
from collections.abc import Collection, Iterator


class UploadNames:
    """One daemon's own file names in the temp folder of one server. There is no folder of ours to be left behind."""

    def __init__(self, owner: str) -> None:
        """owner: unique among the daemons that use the server, and the same after a restart."""
        self._prefix = f"freisteller-{_plain_name(owner)}"
        self.most = 0
        """The highest number of names in use at once. So many of our pictures lie on the server."""
        self._held: set[str] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def lease(self, needed: Collection[str]) -> Iterator[str]:
        """Hold the first free file name during the block. needed: names, as LoadImage has them, to leave untouched."""
        with self._lock:
            number = 1
            while self._name(number) in self._held or name_to_load(self._name(number)) in needed:
                number += 1
            name = self._name(number)
            self._held.add(name)
            self.most = max(self.most, number)
        try:
            yield name
        finally:
            with self._lock:
                self._held.discard(name)

    def _name(self, number: int) -> str:
        return f"{self._prefix}-{number:02}.jpg"


def name_to_load(name: str, folder: str = "", kind: str = "temp") -> str:
    """LoadImage's name for a file in a sub-folder of the input or the temp folder."""
    folder = folder.replace("\\", "/").strip("/")
    place = f"{folder}/{name}" if folder else name
    return place if kind == "input" else f"{place} [{kind}]"


def _plain_name(owner: str) -> str:
    """A name in ASCII without blanks, which every server's file system accepts. Differs for each owner."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", owner)
    return plain if plain == owner else f"{plain}-{hashlib.sha256(owner.encode('utf-8', 'replace')).hexdigest()[:8]}"
