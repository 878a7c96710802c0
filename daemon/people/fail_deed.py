"""Sends a photo to `failed/` because a person says so: a result that nobody wants, or a photo that still waits."""

from typing import Any

from daemon.errors import IllegalMove, Said, Vanished
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.hotfolder.work_note import write_work_note
from daemon.journal import JobRow, Journal
from daemon.journal.deed_rows import Deed
from daemon.people.deed_acts import Plan, RoundTools, former_row, reinstated
from daemon.publishing.notes import CANCELLED, REJECTED
from daemon.states import has_failed, is_done, is_waiting
from daemon.words.said import failure_in, failure_values

MOST_CHARACTERS = 200


class FailDeed:
    """A `DeedAct`. wish: {"word": why}; without a word, only a photo that still waits is taken: it is cancelled."""

    def __init__(self, folders: HotFolder, journal: Journal, tools: RoundTools, runtime: Runtime) -> None:
        self._folders = folders
        self._journal = journal
        self._tools = tools
        self._clock = runtime.clock
        self._tick = runtime.tick

    def plan(self, subject: str, wish: Plan, who: str) -> Plan:
        """See whether the original is there."""
        row = self._journal.row(subject)
        job, word = row.job, wish.get("word")
        if is_waiting(job.state):
            if self._folders.jobs.claimed(job.id) is None:
                raise IllegalMove(Said("just_taken_in", name=job.name))
            reason, kind = (_said(word, who), REJECTED) if word else (_cancelled(who), CANCELLED)
            return {
                "was_waiting": True,
                "former": former_row(row),
                "files": [],
                "reason": failure_values(reason),
                "kind": kind,
            }
        if word is None or not is_done(job.state) or job.grade is None:
            state = job.state
            raise IllegalMove(
                Said("not_to_failed", name=job.name, state=state)
                if word
                else Said("not_cancelled", name=job.name, state=state)
            )
        original = self._tools.next_round.original_of(row)
        if original is None:
            self._folders.check()
            raise Vanished(Said("original_not_in", name=job.name, folder=self._folders.archive.name))
        return {
            "was_waiting": False,
            "former": former_row(row),
            "files": self._tools.earlier.files_at(row.results),
            "original": original,
            "reason": failure_values(_said(word, who)),
            "kind": REJECTED,
        }

    def do(self, deed: Deed) -> None:
        """The journal comes first, as for every failure; then the original goes to `failed/`, with a note."""
        with self._tools.waiting.around(deed.job_id):
            row, plan = self._journal.row(deed.job_id), deed.body
            if row.job.round != plan["former"]["round"]:
                raise IllegalMove(Said("tried_again_now", name=row.job.name))
            if not has_failed(row.job.state):
                self._end(row, plan)
            row = self._journal.row(deed.job_id)
            if not plan["was_waiting"] and not row.results and self._folders.jobs.claimed(deed.job_id) is None:
                self._tick(Effect.TAKE_BACK)
                write_work_note(self._folders, row)
                self._folders.jobs.claim(self._folders.root / plan["original"], deed.job_id)
            self._tools.end(deed.job_id)

    def plan_undo(self, deed: Deed) -> Plan:
        """See whether the original is in `failed/`, and whether the result is kept."""
        row, former = self._journal.row(deed.job_id), deed.body["former"]
        job = row.job
        if not has_failed(job.state) or job.round != former["round"] or not row.results:
            raise IllegalMove(Said("state_changed", name=job.name, state=job.state))
        noted = self._journal.originals.of_job(job.id)
        found = ownership.file_id_at(self._folders.root, row.results[0])
        if found is None or noted is None or found.inode != noted.inode:
            self._folders.check()
            raise Vanished(Said("original_not_in", name=job.name, folder=self._folders.failed.name))
        if not deed.body["was_waiting"] and not self._tools.earlier.are_kept(job.name, deed.body["files"]):
            raise Vanished(Said("result_not_in", name=job.name, folder=self._folders.archive.name))
        return {"failed": list(row.results)}

    def undo(self, deed: Deed, plan: Plan) -> None:
        """A photo that waited waits again, in its old place in the queue; a result comes back with its original."""
        with self._tools.waiting.around(deed.job_id):
            row = self._journal.row(deed.job_id)
            if not has_failed(row.job.state):
                return
            if deed.body["was_waiting"]:
                self._tools.retries.try_again(deed.job_id, deed.body["former"]["admitted_at"])
                return
            places = self._tools.earlier.bring_back(row.job.name, deed.body["files"])
            if not places:
                raise Vanished(Said("result_just_gone", name=row.job.name))
            original = self._tools.originals.bring_back(row.job, plan["failed"][0])
            for note in plan["failed"][1:]:
                self._tick(Effect.REMOVE_NOTE)
                ownership.remove(self._folders.root, note)
            self._tick(Effect.REINSTATE)
            self._journal.deeds.reinstate(reinstated(row, deed.body["former"], places), original)

    def _end(self, row: JobRow, plan: Plan) -> None:
        job_id, reason, kind = row.job.id, _planned(plan["reason"]), plan["kind"]
        if plan["was_waiting"]:
            self._tick(Effect.GIVE_UP)
            self._journal.deeds.cancel(job_id, reason, kind, self._clock(), row.job.round)
            return
        self._tools.next_round.archive_result(row)
        self._tick(Effect.GIVE_UP)
        self._journal.deeds.reject(job_id, reason, kind, self._clock())


def _planned(reason: str | dict[str, Any]) -> str:
    """Why, as a plan has it: an earlier version kept only the text."""
    return reason if isinstance(reason, str) else failure_in(reason)


def _said(word: str, who: str) -> Said:
    return Said("said_by", word=word, who=who) if who else Said("said", word=word)


def _cancelled(who: str) -> Said:
    return Said("cancelled_by", who=who) if who else Said("cancelled")


def one_line(word: str) -> str:
    """A person's word as it stands in a note: one line, at most 200 characters. "" if nothing of it is left."""
    seen = "".join(character if character.isprintable() else " " for character in word)
    return " ".join(seen.split())[:MOST_CHARACTERS]
