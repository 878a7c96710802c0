"""Takes in a photo that a program sent: proven like a file in `inbox/`, then a row, then a claim."""

import threading
import unicodedata
from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.errors import BadPhoto, EngineAway, NotWholeYet, Said, Vanished, WorkerLost, said_of
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.orders import Orders
from daemon.hotfolder.runtime import Runtime
from daemon.intake.admission import Admission
from daemon.intake.background_decoding import Decode
from daemon.intake.kept_uploads import (
    KeptUpload,
    UploadNote,
    clear_forgotten,
    kept_upload,
    kept_uploads,
    remove_upload,
    touch_note,
)
from daemon.intake.received_file import ReceivedFile, clear_received_files
from daemon.intake.scan_values import Arrival
from daemon.intake.sent_names import name_of_order, name_of_photo
from daemon.jobs import Job
from daemon.journal import NOTHING_ALONG, SentAlong
from daemon.pictures.file_structure import follow_to_end
from daemon.pictures.partial_file import EndMissing
from daemon.pictures.signatures import HEAD_BYTES
from daemon.settings.current import CurrentSettings

QUIET_SECONDS = 600.0
"""An upload that was not asked for in so long makes room for others, if there is too little."""

_MOST_PROOFS = 3  # a file that takes its process along is proven again, as one in `inbox/` is


@dataclass(frozen=True, slots=True)
class SentPhoto:
    """What a sender says of a photo. name, order: as it calls them; "" = nothing. along: goes with the row."""

    name: str = ""
    order: str = ""
    along: SentAlong = NOTHING_ALONG


class Uploads:
    """Safe to use from many threads. A photo that is taken in is one like any other: only its way here was another."""

    def __init__(
        self,
        folders: HotFolder,
        admission: Admission,
        orders: Orders,
        decode: Decode,
        settings: CurrentSettings,
        runtime: Runtime,
        on_admitted: Callable[[Arrival], None],
    ) -> None:
        """decode: e.g. `PhotoWorkers.prove`. on_admitted: is told of each photo that became a job."""
        self._folders = folders
        self._admission = admission
        self._orders = orders
        self._decode = decode
        self._settings = settings
        self._runtime = runtime
        self._on_admitted = on_admitted
        self._gate = threading.Lock()
        self._is_open = False

    def begin(self, expected_bytes: int = 0) -> ReceivedFile:
        """A file to write a photo into. Give it to `take_in`, and `discard` it in any case. Raises NoRoom, RootAway."""
        self._refuse_unless_open()
        return ReceivedFile(self._folders, self._runtime.tick, expected_bytes)

    def begin_kept(self, note: UploadNote) -> ReceivedFile:
        """A file for a photo that comes in several requests; it outlives this daemon. Raises as `begin` does."""
        file = self.begin(note.size_bytes)
        try:
            file.keep(note)
        except BaseException:
            file.discard()
            raise
        return file

    def kept(self, upload_id: str) -> KeptUpload | None:
        """What has arrived of a photo that comes in several requests, and that it was asked for. Raises RootAway."""
        self._refuse_unless_open()
        found = kept_upload(self._folders, upload_id)
        if found:
            touch_note(self._folders.uploads / upload_id)
        return found

    def go_on(self, kept: KeptUpload) -> ReceivedFile:
        """The file of a photo of which something arrived before. Raises as `begin` does."""
        self._refuse_unless_open()
        return ReceivedFile(self._folders, self._runtime.tick, kept=kept)

    def forget(self, upload_id: str) -> None:
        """Remove an upload, and what has arrived of it."""
        remove_upload(self._folders, self._runtime.tick, upload_id)

    def make_room(self, size_bytes: int, most: tuple[int, int], busy: Set[str]) -> Set[str] | None:
        """Forget uploads that nobody goes on with until one of this size has room beside the others.

        most: how many may be open, and how many bytes all of them may have in the end. busy: those that are going on.
        Returns the ids of the forgotten ones; None if there is no room, and then none is forgotten.
        """
        others = sorted((each for each in kept_uploads(self._folders) if each.photo), key=lambda each: each.touched_at)
        quiet_before, forgotten = self._runtime.clock() - QUIET_SECONDS, set[str]()
        quiet = iter([each for each in others if each.id not in busy and each.touched_at < quiet_before])
        sizes = {each.id: each.note.size_bytes for each in others}
        while sizes and (len(sizes) >= most[0] or sum(sizes.values()) + size_bytes > most[1]):
            oldest = next(quiet, None)
            if oldest is None:
                return None
            del sizes[oldest.id]
            forgotten.add(oldest.id)
        for upload_id in forgotten:
            self.forget(upload_id)
        return forgotten

    def clear_forgotten(self) -> int:
        """Remove the uploads that nobody asked for lately; returns how many."""
        return clear_forgotten(self._folders, self._runtime.tick, self._runtime.clock())

    def check(self, sent: SentPhoto) -> str:
        """The photo's order by its clean name, if the photo may come with these settings.

        Raises BadOrder, NoRoom, RootAway.
        """
        order = name_of_order(sent.order)
        place = self._folder_of(order).relative_to(self._folders.root) / "photo"
        self._orders.settings_for(place, sent.along.settings)
        return order

    def take_in(self, file: ReceivedFile, sent: SentPhoto) -> Job:
        """Prove a file whole, and make a job of it. When this returns, the photo cannot be lost any more.

        Raises BadPhoto if it is no whole photo, BadOrder, IllegalMove if its key is taken, EngineAway if the daemon
        stops, NoRoom, RootAway; then there is no job.
        """
        order = self.check(sent)
        name = name_of_photo(sent.name, file.head(HEAD_BYTES))
        file.settle()
        self._prove(file, name)
        size_bytes, mtime_ns = file.close_as(name)
        arrival = Arrival(file.path, f"{order}/{name}" if order else name, size_bytes, mtime_ns, "upload", 0.0)
        place = self._folder_of(order) / name
        along = replace(sent.along, taken_by=self._orders.in_force(place.relative_to(self._folders.root)))
        with self._gate:
            self._refuse_unless_open()
            job = self._admission.admit(arrival, along, place)
        if job is None:
            raise Vanished(Said("gone_while_taken", name=name))
        self._on_admitted(arrival)
        return job

    def open(self) -> int:
        """Take photos in from now on. Removes what an earlier run left and nobody can go on with; returns how many."""
        removed = clear_received_files(self._folders, self._runtime.tick) + self.clear_forgotten()
        self._is_open = True
        return removed

    def close(self) -> None:
        """Take nothing in any more; waits for the photo that is being admitted."""
        with self._gate:
            self._is_open = False

    def _folder_of(self, order: str) -> Path:
        """The order's folder in `inbox/`, as the disk spells it: a Mac may have made it. It need not exist."""
        folder = self._folders.inbox / order
        if order.isascii() or folder.is_dir():
            return folder
        with suppress(OSError):
            for found in self._folders.inbox.iterdir():
                if unicodedata.normalize("NFC", found.name) == order:
                    return found
        return folder

    def _prove(self, file: ReceivedFile, name: str) -> None:
        """Nothing follows what was sent, so a file that is not whole yet never will be."""
        missing: EndMissing | None = None
        try:
            follow_to_end(file.descriptor)
        except EndMissing as error:
            missing = error  # it may be all there for a decoder
        except NotWholeYet as error:
            raise BadPhoto(Said("sent_not_whole", name=name, detail=error)) from error
        for proof in range(1, _MOST_PROOFS + 1):
            try:
                self._decode(file.descriptor, name, self._settings.now.intake.max_megapixels)
            except NotWholeYet as error:
                told = Said("sent_not_whole", name=name, detail=missing) if missing else said_of(error)
                raise BadPhoto(told) from error
            except WorkerLost as error:
                if proof == _MOST_PROOFS:
                    raise BadPhoto(said_of(error)) from error
            else:
                return

    def _refuse_unless_open(self) -> None:
        if not self._is_open or self._runtime.stopping():
            raise EngineAway(Said("starting_or_stopping"))
