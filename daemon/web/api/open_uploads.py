"""Remembers the photos that come in several requests and are not whole yet."""

import time
import uuid
from dataclasses import dataclass, field

from daemon.intake.uploads import SentPhoto
from daemon.web.api.incoming_photo import IncomingPhoto
from daemon.web.api.upload_desk import busy
from daemon.web.problems import not_found

MOST_OPEN = 64
IDLE_SECONDS = 3600.0
"""An upload that nobody goes on with is forgotten after so long, and so is one that became a job."""


@dataclass
class OpenUpload:
    """A photo that comes in several requests.

    who: its sender. photo: what has arrived. size_bytes: of all of it. job: "" = it is none yet.
    """

    who: str
    sent: SentPhoto
    key: str | None
    photo: IncomingPhoto
    size_bytes: int
    job: str = ""
    touched: float = field(default_factory=time.monotonic)
    is_busy: bool = False

    @property
    def offset(self) -> int:
        """How many bytes have arrived."""
        return self.size_bytes if self.job else self.photo.size_bytes


class OpenUploads:
    """Lives in memory: after a restart of the daemon, senders begin anew. The event loop alone calls it."""

    def __init__(self) -> None:
        self._open: dict[str, OpenUpload] = {}

    def add(self, upload: OpenUpload) -> str:
        """Keep an upload. Returns its id. Raises Refused (429) if there are too many."""
        self._forget_old()
        if len(self._open) >= MOST_OPEN:
            raise busy(f"{MOST_OPEN} uploads are open now")
        upload_id = uuid.uuid4().hex
        self._open[upload_id] = upload
        return upload_id

    def of(self, upload_id: str, who: str) -> OpenUpload:
        """An upload of this sender. Raises Refused (404) if there is none."""
        upload = self._open.get(upload_id)
        if upload is None or upload.who != who:
            raise not_found("There is no such upload; begin anew.")
        upload.touched = time.monotonic()
        return upload

    def drop(self, upload_id: str) -> None:
        """Forget an upload, and remove what has arrived unless it became a job."""
        self._open.pop(upload_id).photo.discard()

    def _forget_old(self) -> None:
        before = time.monotonic() - IDLE_SECONDS
        for upload_id in [name for name, each in self._open.items() if each.touched < before and not each.is_busy]:
            self.drop(upload_id)
