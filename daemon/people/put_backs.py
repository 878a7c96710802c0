"""Tries again what people put back into `inbox/`: a cut-out, its archived original, or a photo from `failed/`.

The file is first moved aside, into a folder named after its job. From there the next start goes on after a crash at any
later step.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from daemon.disk.os_errors import is_of_one_file, translated
from daemon.errors import NoRoom, RootAway, Said, Vanished
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.intake.file_faults import FileFaults
from daemon.intake.scan_values import Reject
from daemon.journal import Journal
from daemon.logs import log
from daemon.logs.barrier import CONCERNS_ALL
from daemon.people.known_originals import KnownOriginals
from daemon.people.known_results import KnownResults
from daemon.people.retries import NextRound
from daemon.publishing.reading_back import HISTORY_TO_READ
from daemon.states import is_decided, is_open


@dataclass(frozen=True, slots=True)
class PutBackAnswer:
    """What became of a file in the inbox.

    job_id: the job that the file comes from. "" = the file is no put-back, and it still lies where it was.
    refused: the file, if it cannot be tried again. Whoever gets this answer brings it to `failed/`, within
    `PutBacks.settling`.
    """

    job_id: str
    refused: Reject | None = None


NOT_PUT_BACK = PutBackAnswer("")


class PutBacks:
    """Knows a result in `inbox/` by its file or its content, an original by its file, as the journal recorded them.

    Every method raises NoRoom or RootAway if the hot folder as a whole is the problem.
    """

    def __init__(
        self,
        folders: HotFolder,
        journal: Journal,
        known: KnownResults,
        next_round: NextRound,
        locks: JobLocks,
        runtime: Runtime,
    ) -> None:
        self._folders = folders
        self._journal = journal
        self._known = known
        self._originals = KnownOriginals(folders, journal)
        self._next_round = next_round
        self._locks = locks
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._waiting: set[str] = set()  # job ids whose file is moved aside
        self._logged: set[str] = set()  # those of them whose wait is in the log
        self._faults = FileFaults()
        self._given_up: dict[str, Said] = {}  # by job id, why a file fails that our code stumbled over too often

    def recover(self) -> int:
        """Go on with what an earlier run left, before any job starts. Returns how many files were moved aside."""
        put_back = self._folders.jobs.put_back()
        for job_id in put_back:
            self._reserve(job_id)
        with suppress(NoRoom):
            self.resume()
        return len(put_back)

    def resume(self) -> tuple[PutBackAnswer, ...]:
        """Try again every job whose file is moved aside."""
        put_back = self._folders.jobs.put_back()
        for job_id in self._waiting.difference(put_back):  # the share went away before the file was moved aside
            self._release(job_id)
        return tuple(self._try_again(job_id) for job_id in put_back)

    def answer(self, source: Path, proven: tuple[int, int] | None) -> PutBackAnswer:
        """Find out whether a file in the inbox was put back. If so, move it aside, and try its job again, now or later.

        proven: its size in bytes and its mtime in ns; None for a file that is no whole photo.
        """
        try:
            job_id = self._job_of(self._place(source))
        except OSError:
            return NOT_PUT_BACK  # whoever takes it in reports what is wrong
        if job_id is None:
            return NOT_PUT_BACK
        if self._folders.jobs.claimed(job_id, self._folders.jobs.returns_root):
            return PutBackAnswer(job_id)  # another file of the same result has its turn first
        self._tick(Effect.PUT_ASIDE)
        self._reserve(job_id)
        try:
            self._folders.jobs.claim(source, job_id, proven, self._folders.jobs.returns_root)
        except Vanished:
            self._release(job_id)
            return PutBackAnswer(job_id)  # it went away or changes; the next scan looks again
        return self._try_again(job_id)

    @contextmanager
    def settling(self, job_id: str) -> Iterator[None]:
        """End a put-back once the block has succeeded. After an error, the put-back waits for the next `resume`."""
        with self._waiting_after_an_error(job_id):
            yield
            self._settle(job_id)

    def _try_again(self, job_id: str) -> PutBackAnswer:
        """Go on from wherever a put-back stands. It waits while another thread changes the files of its job."""
        refused = None
        with self._locks.trying(job_id) as is_ours, self._waiting_after_an_error(job_id):
            if is_ours:
                refused = self._give_up(job_id) or self._begin_round(job_id)
                if refused is None:
                    self._settle(job_id)
        return PutBackAnswer(job_id, refused)

    @contextmanager
    def _waiting_after_an_error(self, job_id: str) -> Iterator[None]:
        try:
            with translated(f"Bringing back what was put into {self._folders.inbox}"):
                yield
        except (Vanished, RootAway, OSError) as error:
            if isinstance(error, RootAway) and not self._is_of_one_file(error):
                raise
            if job_id not in self._logged:
                self._logged.add(job_id)
                text = f"A file that was put back into inbox/ waits for its other try: {error}"
                log.log("put_back_waits", text, level=logging.WARNING, job=job_id)
        except CONCERNS_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this file only
            if reason := self._faults.count(self._name_of(job_id), error):
                self._given_up[job_id] = reason

    def _is_of_one_file(self, error: RootAway) -> bool:
        """Whether the disk cannot read this one file, while the hot folder answers. Raises RootAway or NoRoom."""
        cause = error.__cause__
        return isinstance(cause, OSError) and is_of_one_file(cause, self._folders.inbox, self._folders.check)

    def _settle(self, job_id: str) -> None:
        self._tick(Effect.END_PUT_BACK)
        (self._folders.jobs.returns_root / job_id).rmdir()
        self._logged.discard(job_id)
        self._faults.forget(self._name_of(job_id))
        self._given_up.pop(job_id, None)
        self._release(job_id)

    def _give_up(self, job_id: str) -> Reject | None:
        """Refuse a file that our code stumbled over too often, and end its round if that has no original."""
        reason = self._given_up.get(job_id)
        if reason is None:
            return None
        if is_open(self._journal.state_of(job_id)) and self._folders.jobs.claimed(job_id) is None:
            self._tick(Effect.GIVE_UP)
            self._journal.give_up(job_id, reason, "internal_error", self._clock())
        put_back = self._folders.jobs.claimed(job_id, self._folders.jobs.returns_root)
        if put_back is None:  # only its empty folder is left, which keeps nobody from starting the job
            self._release(job_id)
            return None
        return Reject(put_back, put_back.name, reason)

    def _name_of(self, job_id: str) -> str:
        with suppress(KeyError):
            return self._journal.row(job_id).job.name
        return job_id

    def _begin_round(self, job_id: str) -> Reject | None:
        """Let the job begin another round. Returns the file if that cannot be. Raises Vanished if that has to wait."""
        put_back = self._folders.jobs.claimed(job_id, self._folders.jobs.returns_root)
        if put_back is None:
            return None  # all is done but the removal of the empty folder
        state = self._journal.state_of(job_id)
        if state is None:
            if self._journal.facts.known(HISTORY_TO_READ):
                raise Vanished(Said("report_still_to_be_read", name=put_back.name))
            return Reject(put_back, put_back.name, Said("put_back_forgotten"))
        if is_decided(state):
            raise Vanished(Said("others_being_placed", name=put_back.name))
        row = self._journal.row(job_id)
        is_result = self._known.owner_of(self._place(put_back)) == job_id
        original = self._next_round.original_of(row) if is_result else None
        if is_result and original is None and self._folders.jobs.claimed(job_id) is None:
            name = str(PurePosixPath(row.job.name).with_name(put_back.name))
            return Reject(put_back, name, Said("put_back_without_original", name=row.job.name))
        self._next_round.begin(row, put_back, original, is_result)
        return None

    def _job_of(self, place: str) -> str | None:
        """The job that a file in the inbox comes from. Returns None if the file is a photo of its own."""
        file_id = ownership.file_id_at(self._folders.root, place)
        if file_id is None:
            return None
        if owner := self._originals.owner_of(file_id):
            return owner
        # A crash may come between publishing a result and recording it, and a person may be faster than the next start.
        return self._known.owner_of(place) or self._folders.jobs.staged_as(file_id.inode)

    def _reserve(self, job_id: str) -> None:
        """Let nobody start the job while its original is not in work yet."""
        self._waiting.add(job_id)
        self._journal.reserved.reserve(job_id)

    def _release(self, job_id: str) -> None:
        self._journal.reserved.release(job_id)
        self._waiting.discard(job_id)

    def _place(self, path: Path) -> str:
        return str(path.relative_to(self._folders.root))
