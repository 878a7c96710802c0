"""Names for uploads: few, used again and again, and never one that a prompt still needs.

ComfyUI reads a picture when its prompt runs, not when it is posted, and no route deletes an input. So a name is free
only when no call of ours holds it and no prompt in the server's queue mentions it: after a kill -9 the queue may
still hold prompts of the run before.
"""

import contextlib
import hashlib
import re
import threading
from collections.abc import Collection, Iterator


class UploadNames:
    """The names below one daemon's own folder on one server."""

    def __init__(self, owner: str) -> None:
        """owner: unique among the daemons that use the server, and the same after a restart."""
        self.folder = f"freisteller/{_folder_name(owner)}"
        self.most = 0
        """How many names were ever in use at once: so many pictures lie there."""
        self._held: set[str] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def lease(self, needed: Collection[str]) -> Iterator[str]:
        """The first free file name; held while inside. needed: LoadImage's names that must not be overwritten."""
        with self._lock:
            number = 1
            while self._name(number) in self._held or f"{self.folder}/{self._name(number)}" in needed:
                number += 1
            name = self._name(number)
            self._held.add(name)
            self.most = max(self.most, number)
        try:
            yield name
        finally:
            with self._lock:
                self._held.discard(name)

    @staticmethod
    def _name(number: int) -> str:
        return f"photo-{number:02}.jpg"


def _folder_name(owner: str) -> str:
    """ASCII without blanks, as every server's file system takes it; different owners stay different."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", owner)
    return plain if plain == owner else f"{plain}-{hashlib.sha256(owner.encode('utf-8', 'replace')).hexdigest()[:8]}"
