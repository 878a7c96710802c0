"""Tries a photo again: one that failed, or one whose result is not good enough, as if it had been put into `inbox/`."""

from daemon.errors import IllegalMove, Said, Vanished
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.journal import JobRow, Journal
from daemon.journal.deed_rows import Deed
from daemon.journal.rows import said_again
from daemon.people.deed_acts import Plan, RoundTools, former_row, reinstated
from daemon.states import has_failed, is_done, is_over, is_waiting


class RetryDeed:
    """A `DeedAct`; it wishes nothing. It can be taken back until somebody begins to work on the photo."""

    def __init__(self, folders: HotFolder, journal: Journal, tools: RoundTools, runtime: Runtime) -> None:
        self._folders = folders
        self._journal = journal
        self._tools = tools
        self._clock = runtime.clock
        self._tick = runtime.tick

    def plan(self, subject: str, _: Plan, __: str) -> Plan:
        """See whether the original is there."""
        row = self._journal.row(subject)
        job = row.job
        if not is_over(job.state):
            raise IllegalMove(Said("tried_already", name=job.name, state=job.state))
        if is_done(job.state) and job.grade is None:
            raise IllegalMove(Said("left_out", name=job.name))
        place = row.results[0] if has_failed(job.state) and row.results else self._tools.next_round.original_of(row)
        if place is None or ownership.file_id_at(self._folders.root, place) is None:
            self._folders.check()
            raise Vanished(Said("original_moved", name=job.name))
        files = self._tools.earlier.files_at(row.results) if is_done(job.state) else []
        return {"was_failed": has_failed(job.state), "former": former_row(row), "files": files}

    def do(self, deed: Deed) -> None:
        """Archive the result, put the job back into the queue and its original into work."""
        with self._tools.waiting.around(deed.job_id):
            row, former = self._journal.row(deed.job_id), deed.body["former"]
            if row.job.round > former["round"] + 1 or (
                row.job.round > former["round"] and not is_waiting(row.job.state)
            ):
                return  # the round was begun, and is under way or over
            if row.job.round == former["round"] and deed.body["was_failed"]:
                self._tools.retries.try_again(deed.job_id)
            elif self._folders.jobs.claimed(deed.job_id) is None:
                self._tools.next_round.begin(row, None, self._original(row), is_result=True)

    def plan_undo(self, deed: Deed) -> Plan:
        """See whether the photo still waits, and whether its earlier result is there."""
        job = self._journal.row(deed.job_id).job
        if not is_waiting(job.state) or job.started_at is not None or job.round != deed.body["former"]["round"] + 1:
            raise IllegalMove(Said("other_try_began", name=job.name, state=job.state))
        if not deed.body["was_failed"] and not self._tools.earlier.are_kept(job.name, deed.body["files"]):
            raise Vanished(Said("earlier_result_not_in", name=job.name, folder=self._folders.archive.name))
        return {}

    def undo(self, deed: Deed, _: Plan) -> None:
        """Take the photo out of the queue, and put all back where it was."""
        with self._tools.waiting.around(deed.job_id):
            row, former = self._journal.row(deed.job_id), deed.body["former"]
            if row.job.started_at is not None and is_waiting(row.job.state):
                raise IllegalMove(Said("tried_now", name=row.job.name))
            if deed.body["was_failed"]:
                self._fail_again(row, former)
            else:
                self._reinstate(row, deed)
            self._tools.end(deed.job_id)

    def _fail_again(self, row: JobRow, former: Plan) -> None:
        if is_waiting(row.job.state):
            self._tick(Effect.GIVE_UP)
            reason = said_again(former["reason"] or "", former.get("failure")) or Said("unknown")
            kind = former["reason_kind"] or "unknown"
            self._journal.deeds.cancel(row.job.id, reason, kind, self._clock(), former["round"])

    def _reinstate(self, row: JobRow, deed: Deed) -> None:
        if not is_waiting(row.job.state):
            return
        places = self._tools.earlier.bring_back(row.job.name, deed.body["files"])
        original = self._tools.originals.retire(row.job)
        self._tick(Effect.REINSTATE)
        self._journal.deeds.reinstate(reinstated(row, deed.body["former"], places), original)

    def _original(self, row: JobRow) -> str | None:
        found = self._tools.next_round.original_of(row)
        if found is None:
            self._folders.check()
            raise Vanished(Said("original_just_gone", name=row.job.name))
        return found
