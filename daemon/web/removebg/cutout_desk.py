"""Finds or makes the job of a photo that is to be cut out, and lays its result out."""

import math
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from daemon.errors import BadPhoto, IllegalMove, Said, Vanished
from daemon.intake.uploads import SentPhoto
from daemon.jobs import attempt_numbered
from daemon.jobs.failure_kinds import OURS, FailureKind
from daemon.journal import JobRow, Journal, RequestKey, SentAlong
from daemon.pictures.laid_out import LaidOut, Layout, Length
from daemon.states import has_failed, is_done, is_over
from daemon.web.api.incoming_photo import IncomingPhoto
from daemon.web.api.upload_desk import UploadDesk
from daemon.web.callers import Caller
from daemon.web.pictures_served.shown_files import ShownFile, ShownFiles
from daemon.web.problems import Refused
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.reason_texts import reason_text

ORDER = "removebg"
"""The folder of these photos, as if they had been dropped into inbox/removebg/."""
SETTINGS = '{"outputs": {"formats": ["png"], "max_side": 0, "pages": "first", "trim": false}}'
"""All of the photo, with its alpha: what a request asks for is made of that."""

LayOut = Callable[[Path, Layout, Path], LaidOut]


@dataclass(frozen=True, slots=True)
class CutOut:
    """A result that was laid out. row: of the job. file: open for reading; it has no name any more."""

    row: JobRow
    laid: LaidOut
    file: BinaryIO
    size_bytes: int


_OF_PHOTOS = frozenset(FailureKind) - OURS  # the other failures are none of the caller's doing


class CutOutDesk:
    """Its methods block, so they run in threads. Safe to use from many of them."""

    def __init__(
        self, uploads: UploadDesk, journal: Journal, root: Path, shown: ShownFiles, lay_out: LayOut, folder: Path
    ) -> None:
        """root: the hot folder. lay_out: e.g. `PhotoWorkers.lay_out`. folder: for files on their way out."""
        self.uploads = uploads
        self._journal = journal
        self._root = root
        self._shown = shown
        self._lay_out = lay_out
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier run
        folder.mkdir(parents=True)

    def job_of(self, photo: IncomingPhoto, caller: Caller) -> str:
        """The job of these very bytes, if this caller sent them before and they did not fail; otherwise a new one.

        The order counts, too: whoever may no longer see the one of before gets a new job in another. Raises what
        `Uploads.take_in` raises.
        """
        file, order = photo.received(), order_of(caller)
        key = RequestKey(caller.name, f"cut out {file.sha256.hex()} in {order}", file.sha256)
        known = self._known(key)
        if known is not None:
            return known
        try:
            sent = SentPhoto(photo.name, order, SentAlong(SETTINGS, key))
            return self.uploads.uploads.take_in(file, sent).id
        except IllegalMove:
            known = self._known(key)  # the same bytes came at the same time
            if known is None:
                raise
            return known

    def cut_out(self, row: JobRow, layout: Layout) -> CutOut:
        """Lay out the result of a job that is over.

        Raises Refused if the photo has no result, BadPhoto, WorkerLost, Vanished, NoRoom, RootAway.
        """
        if has_failed(row.job.state):
            kind = "unknown_foreground" if row.reason_kind in _OF_PHOTOS else "failed"
            status = HTTPStatus.BAD_REQUEST if kind == "unknown_foreground" else HTTPStatus.INTERNAL_SERVER_ERROR
            raise Refused(status, kind, row.job.reason or "the photo could not be cut out")
        with_result = self._with_result(row)
        shown = self._shown.result(with_result)
        if shown is None:
            raise Vanished(Said("result_taken_away"))
        folder = self._folder / uuid.uuid4().hex
        folder.mkdir()
        try:
            target = folder / "cutout"
            try:
                laid = self._lay_out(self._root / shown.place, _for_shape(layout, shown), target)
            except BadPhoto as error:
                raise Refused(HTTPStatus.BAD_REQUEST, "unknown_foreground", str(error)) from error
            return CutOut(with_result, laid, target.open("rb"), target.stat().st_size)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _known(self, key: RequestKey) -> str | None:
        """The job of an earlier request, if its result is there or still to come. Otherwise the key is free again."""
        known = self._journal.request_keys.known(key.who, key.key)
        if known is None:
            return None
        row = self._journal.row(known.job_id)
        is_lost = is_done(row.job.state) and self._shown.result(self._with_result(row)) is None
        if is_lost or has_failed(row.job.state):
            self._journal.request_keys.forget(key.who, key.key)
            return None
        return known.job_id

    def _with_result(self, row: JobRow) -> JobRow:
        """The job, or the earlier one of the same photo whose result counts for it."""
        return self._journal.row(row.same_as) if row.same_as and is_over(row.job.state) else row


def order_of(caller: Caller) -> str:
    """The order of this caller's photos: ours, or one that the caller sees."""
    return ORDER if caller.sees(ORDER) else min(caller.orders or {""})


def reasons_of(row: JobRow) -> tuple[str, ...]:
    """Why the result got its grade, in English words."""
    best = attempt_numbered(row.job.attempts, row.job.best)
    english = words_in(LANGUAGES[0])
    return tuple(reason_text(reason, english) for reason in best.verdict.reasons) if best and best.verdict else ()


def _for_shape(layout: Layout, shown: ShownFile) -> Layout:
    """The layout for a result of this size: pixels of a region become shares."""
    width, height = shown.size
    left, top, right, bottom = (
        edge if edge.is_share else Length(edge.value / side, True)
        for edge, side in zip(layout.roi, (width, height) * 2, strict=True)
    )
    shape = None if math.isinf(layout.most_megapixels) else shown.size
    return replace(layout, roi=(left, top, right, bottom), shape=shape)
