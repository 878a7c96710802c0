"""Finds the photos that come in several requests: what lies on the disk counts, so a restart changes nothing."""

import asyncio
import time
import uuid
from dataclasses import dataclass, field

from daemon.errors import Said
from daemon.intake.kept_uploads import KeptUpload, UploadNote
from daemon.intake.uploads import SentPhoto
from daemon.journal import SentAlong
from daemon.web.api.incoming_photo import IncomingPhoto
from daemon.web.api.upload_desk import UploadDesk, busy
from daemon.web.problems import not_found

MOST_OPEN = 64
IDLE_SECONDS = 3600.0
"""After so long, an upload is found on the disk again, and no file of it is open any more."""
_TOUCH_SECONDS = 60.0


@dataclass
class OpenUpload:
    """A photo that comes in several requests.

    note: what its sender said. photo: what arrived since we opened it. kept: what had arrived before, if anything.
    job: "" = it is none yet.
    """

    id: str
    note: UploadNote
    photo: IncomingPhoto
    kept: KeptUpload | None = None
    job: str = ""
    touched: float = field(default_factory=time.monotonic)
    is_busy: bool = False

    @property
    def offset(self) -> int:
        """How many bytes have arrived."""
        if self.job:
            return self.note.size_bytes
        return self.kept.arrived_bytes if self.kept else self.photo.size_bytes

    @property
    def sent(self) -> SentPhoto:
        """What its sender said, as `POST /api/v1/photos` has it."""
        return SentPhoto(self.note.name, self.note.order, SentAlong(self.note.settings))


class OpenUploads:
    """For one event loop. Files are touched in the threads of the desk."""

    def __init__(self, desk: UploadDesk) -> None:
        self._desk = desk
        self._open: dict[str, OpenUpload] = {}
        self._one_begins = asyncio.Lock()

    async def begin(self, who: str, key: str | None, sent: SentPhoto, size_bytes: int) -> OpenUpload:
        """Keep a new upload. key: of its request. Raises Refused (429) if there are too many, NoRoom, RootAway."""
        desk = self._desk
        known = await desk.run(desk.journal.request_keys.known, who, key) if key else None
        photo = IncomingPhoto(desk.uploads, desk.most_megabytes, size_bytes)
        upload_id = uuid.uuid4().hex
        note = UploadNote(who, key or f"upload {upload_id}", sent.name, sent.order, sent.along.settings, size_bytes)
        if known is None:
            async with self._one_begins:
                await self._make_room(size_bytes)
                file = await desk.run(desk.uploads.begin_kept, note)
            photo.go_on(file, sent.name)
            upload_id = file.id
        self._close_idle()
        upload = self._open[upload_id] = OpenUpload(upload_id, note, photo, job=known.job_id if known else "")
        return upload

    async def of(self, upload_id: str, who: str) -> OpenUpload:
        """An upload of this sender. Raises Refused (404) if there is none."""
        upload = self._open.get(upload_id)
        if upload is None or time.monotonic() - upload.touched > _TOUCH_SECONDS:
            kept = await self._desk.run(self._desk.uploads.kept, upload_id)
            upload = self._open.get(upload_id) or (await self._found(kept) if kept else None)
            if upload and not (kept or upload.job or upload.is_busy):
                self.let_go(upload)  # it was removed meanwhile
                upload = None
        if upload is None or upload.note.who != who:
            raise not_found("There is no such upload; begin anew.")
        upload.touched = time.monotonic()
        return upload

    async def open(self, upload: OpenUpload) -> None:
        """Go on with the file of an upload that was begun before a restart. Raises NoRoom, RootAway."""
        if upload.kept is not None:
            upload.photo.go_on(await self._desk.run(self._desk.uploads.go_on, upload.kept), upload.note.name)
            upload.kept = None

    async def drop(self, upload: OpenUpload) -> None:
        """Forget an upload, and remove what has arrived unless it became a job."""
        self.let_go(upload)
        await self._desk.run(self._desk.uploads.forget, upload.id)

    def let_go(self, upload: OpenUpload) -> None:
        """Close an upload. Whoever asks for it finds it as it lies on the disk."""
        self._open.pop(upload.id, None)
        if upload.photo.file is not None:
            upload.photo.file.let_go()

    def close(self) -> None:
        """Close all files. What has arrived stays for the next daemon."""
        for upload in list(self._open.values()):
            self.let_go(upload)

    async def _found(self, kept: KeptUpload) -> OpenUpload | None:
        """An upload of before. If nothing of it is there, it became a job, or the photo is lost."""
        desk, note = self._desk, kept.note
        photo = IncomingPhoto(desk.uploads, desk.most_megabytes, note.size_bytes)
        upload = OpenUpload(kept.id, note, photo, kept)
        if kept.photo is None:
            known = await desk.run(desk.journal.request_keys.known, note.who, note.key)
            if known is None:
                await desk.run(desk.uploads.forget, kept.id)
                return None
            upload.kept, upload.job = None, known.job_id
        return self._open.setdefault(kept.id, upload)

    async def _make_room(self, size_bytes: int) -> None:
        working = {upload_id for upload_id, upload in self._open.items() if upload.is_busy}
        most = (MOST_OPEN, self._desk.unfinished_bytes)
        forgotten = await self._desk.run(self._desk.uploads.make_room, size_bytes, most, working)
        if forgotten is None:
            raise busy(Said("too_many_unfinished"))
        for upload_id in forgotten & self._open.keys():
            self.let_go(self._open[upload_id])

    def _close_idle(self) -> None:
        before = time.monotonic() - IDLE_SECONDS
        for upload in [each for each in self._open.values() if each.touched < before and not each.is_busy]:
            self.let_go(upload)
