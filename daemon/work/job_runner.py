"""Runs one job from its start to its end, and answers each class of error."""

from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from daemon.disk.os_errors import is_of_one_file
from daemon.errors import (
    BadOrder,
    BadPhoto,
    EngineAway,
    EngineMisconfigured,
    FreistellerError,
    IllegalMove,
    JournalLocked,
    NoRoom,
    RootAway,
    Said,
    WorkerLost,
    said_of,
)
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Job
from daemon.journal import Journal
from daemon.logs import log
from daemon.publishing.job_events import JobEvents
from daemon.publishing.publication import Publication, Step
from daemon.publishing.publisher import Publisher
from daemon.publishing.staging import Staging
from daemon.states import LONGEST_POSTPONE_SECONDS, MOVES, Move, is_decided, is_open
from daemon.work.cut_file import refuse_if_written
from daemon.work.file_in_work import FileInWork, OpensFiles
from daemon.work.task import PhotoTask


class RunResult(StrEnum):
    """What became of a job that was in work."""

    DONE = "done"
    FAILED = "failed"
    NO_ENGINE = "no_engine"
    NO_PLACE = "no_place"
    STRANDED = "stranded"
    """The answer to an error failed too, e.g. the journal has no room, so the job may still count as in work."""
    LOCKED_OUT = "locked_out"
    """Like STRANDED, because another program has locked the journal."""
    SENT_BACK = "sent_back"
    LOST_TO_ANOTHER = "lost_to_another"


class JobRunner:
    """Runs jobs; many threads may call `run` at once, each with a job of its own."""

    def __init__(
        self,
        journal: Journal,
        folders: HotFolder,
        *,
        files: OpensFiles,
        staging: Staging,
        publisher: Publisher,
        job_events: JobEvents,
        runtime: Runtime,
    ) -> None:
        self._journal = journal
        self._folders = folders
        self._files = files
        self._staging = staging
        self._publisher = publisher
        self._job_events = job_events
        self._runtime = runtime

    def run(self, task: PhotoTask) -> RunResult:
        """Do what is left to do for a job that was just started; never raises."""
        with log.lines_of_one_work():
            try:
                with self._runtime.stages.timed("other"), self._journal.work_times.working(task.job.id):
                    return self._run(task)
            except Exception as error:  # noqa: BLE001 - e.g. failed/ cannot be written
                return self._strand(task, error)

    def hold(self, task: PhotoTask, error: FreistellerError) -> RunResult:
        """Put off a job that was just started and cannot be done now, through no fault of its own; never raises."""
        try:
            self._postpone(task, error)
        except Exception as trouble:  # noqa: BLE001 - as in `run`
            return self._strand(task, trouble)
        return RunResult.SENT_BACK if isinstance(error, BadOrder) else RunResult.NO_PLACE

    def answer_fault(self, task: PhotoTask, error: Exception) -> RunResult:
        """Log an unexpected error that kept a started job from running, and try the job again; never raises.

        After as many tries as the settings allow, the photo goes to `failed/`, so that it stops nobody for ever.
        """
        try:
            self._job_events.stumbled(task.job, error)
            return self._answer_fault(task, error)
        except Exception as trouble:  # noqa: BLE001 - as in `run`
            return self._strand(task, trouble)

    def _strand(self, task: PhotoTask, error: Exception) -> RunResult:
        """Leave a job to the dispatcher: the answer to its error failed, so it may still count as in work."""
        if isinstance(error, NoRoom):  # the journal has none, so the job cannot even be put off
            seconds = task.settings.dispatch.postpone_seconds
            self._job_events.postponed(task.job, said_of(error), error.reason, seconds)
            return RunResult.LOCKED_OUT if isinstance(error, JournalLocked) else RunResult.STRANDED
        self._job_events.stumbled(task.job, error)
        with suppress(Exception):
            if not is_open(self._journal.state_of(task.job.id)):
                return RunResult.LOST_TO_ANOTHER  # `Recovery.clear_leftovers` brings it to its end
            self._put_off(task.job, task.settings.dispatch.postpone_seconds, said_of(error), "internal_error")
            return RunResult.SENT_BACK
        return RunResult.STRANDED

    def _run(self, task: PhotoTask) -> RunResult:
        """Carry a job through, and answer what goes wrong. Raises if the answer fails."""
        try:
            self._carry_through(task)
            return RunResult.DONE
        except (EngineAway, EngineMisconfigured) as error:
            self._postpone(task, error)
            return RunResult.NO_ENGINE
        except (NoRoom, RootAway) as error:
            if self._is_of_this_photo(error):
                reason = Said("disk_cannot_read", name=task.job.name, cause=error.__cause__)
                return self._try_again(task, reason, "bad_photo")
            self._postpone(task, error)
            return RunResult.NO_PLACE
        except BadPhoto as error:
            if self._postpone_if_folder_is_away(task):
                return RunResult.NO_PLACE
            self._publisher.give_up(task.job, said_of(error))
            return RunResult.FAILED
        except WorkerLost as error:
            return self._try_again(task, said_of(error), error.reason)
        except IllegalMove as error:
            self._job_events.stumbled(task.job, error)
            return RunResult.LOST_TO_ANOTHER
        except Exception as error:  # noqa: BLE001 - whatever it is, one photo must not stop the others
            if isinstance(error, OSError) and self._postpone_if_folder_is_away(task):
                return RunResult.NO_PLACE
            self._job_events.stumbled(task.job, error)
            return self._answer_fault(task, error)

    def _carry_through(self, task: PhotoTask) -> None:
        """Look where the job stands, then do step after step until it is over."""
        self._folders.check()
        publication = self._look(task)
        original = publication.files.original or Path()
        with self._files.open(task, original, decided=publication.step is not Step.CUT_OUT) as file:
            if publication.step is Step.CUT_OUT:
                publication = self._cut_out(publication, file)
            with self._publisher.locks.held(task.job.id), self._runtime.stages.timed("publish"):
                if publication.step is Step.STAGE:
                    publication = self._stage(publication, file)
                publication = self._publisher.finish(publication)
                with suppress(NoRoom, RootAway):  # the job is over all the same; `Recovery.clear_leftovers` comes later
                    self._publisher.clear(publication)

    def _look(self, task: PhotoTask) -> Publication:
        """Where the job stands. Of a photo that is still to be cut out or staged, the content is read as well."""
        publication = self._publisher.look(task.job.id, task.settings.outputs)
        may_be_left_out = task.job.round == 0 and not is_decided(publication.row.job.state)
        leave_out = task.settings.intake.equal_content == "skip" and may_be_left_out
        try:
            return self._publisher.read_content(publication, leave_out_equal=leave_out)
        except OSError as error:
            raise BadPhoto(Said("cannot_read", name=task.job.name, fault=error.strerror)) from error

    def _cut_out(self, publication: Publication, file: FileInWork) -> Publication:
        """Ask engines until a result is good enough, then decide. No lock is held meanwhile."""
        outcome, job_id = file.cut_out(), publication.row.job.id
        self._runtime.tick(Effect.RECORD_ATTEMPT)
        self._runtime.tick(Effect.DECIDE)
        self._journal.decide(job_id, outcome)
        return replace(publication, row=self._journal.row(job_id), outcome=outcome)

    def _stage(self, publication: Publication, file: FileInWork) -> Publication:
        """Write the results and the report on them."""
        job, original, content = publication.row.job, publication.files.original, publication.content
        assert original is not None and content is not None  # noqa: PT018 - else there was nothing to cut out
        outcome = file.outcome or file.restore(publication.files.kept)
        self._runtime.tick(Effect.MAKE_STAGING)
        folder = self._folders.jobs.staging(job.id)
        cuts = file.stage(folder)
        refuse_if_written(job, publication.seen, original.stat())
        worked = partial(self._publisher.seconds_of, job)
        staged = self._staging.stage_report(job, cuts, folder, content, worked, file.not_done)
        return replace(publication, outcome=outcome, files=replace(publication.files, staged_as_decided=staged))

    def _is_of_this_photo(self, error: FreistellerError) -> bool:
        """Whether the disk cannot read this one file, while the hot folder answers."""
        cause = error.__cause__
        with suppress(NoRoom, RootAway):  # the folder itself is away
            return isinstance(cause, OSError) and is_of_one_file(cause, self._folders.inbox, self._folders.check)
        return False

    def _postpone_if_folder_is_away(self, task: PhotoTask) -> bool:
        """Put the job off if the hot folder itself is away or full: that looks like a bad photo, or a fault of ours.

        Returns False if the folder is all right, so that the error was what it seemed to be.
        """
        try:
            self._folders.check()
        except (NoRoom, RootAway) as trouble:
            self._postpone(task, trouble)
            return True
        return False

    def _postpone(self, task: PhotoTask, error: FreistellerError) -> None:
        if isinstance(error, EngineAway) and self._runtime.stopping():  # nothing is missing: we took it away ourselves
            self._put_off(task.job, 0.0, Said("stopping"), error.reason)
            self._job_events.handed_back(task.job)
            return
        if isinstance(error, NoRoom | RootAway):  # a disk or a share may have kept us waiting for minutes
            self._journal.work_times.leave_out_rest(task.job.id)
        postponed = self._journal.row(task.job.id).postponed
        seconds = min(LONGEST_POSTPONE_SECONDS, task.settings.dispatch.postpone_seconds * 2 ** min(postponed, 10))
        self._put_off(task.job, seconds, said_of(error), error.reason)
        self._job_events.postponed(task.job, said_of(error), error.reason, seconds)

    def _put_off(self, job: Job, seconds: float, reason: Said, kind: str) -> None:
        """Start, or publish, the job again after so many seconds."""
        self._runtime.tick(Effect.POSTPONE)
        published = self._journal.state_of(job.id) in MOVES[Move.DELAY]
        put_off = self._journal.delay if published else self._journal.postpone
        put_off(job.id, self._runtime.clock() + seconds, reason, kind)

    def _answer_fault(self, task: PhotoTask, error: Exception) -> RunResult:
        reason = Said("internal_error", detail=f"{type(error).__name__}: {error}")
        return self._try_again(task, reason, "internal_error")

    def _try_again(self, task: PhotoTask, reason: Said, kind: str) -> RunResult:
        """Try a photo again later, its try counted; give it up once it had all its tries. The others go on."""
        job, dispatch = task.job, task.settings.dispatch
        if self._publisher.is_placed(job.id):  # its results are published: no fault takes them back
            self._put_off(job, dispatch.postpone_seconds, reason, kind)
            return RunResult.SENT_BACK
        if job.tries >= dispatch.max_tries:
            self._publisher.give_up(job, reason)
            return RunResult.FAILED
        due_at = self._runtime.clock() + min(LONGEST_POSTPONE_SECONDS, dispatch.postpone_seconds)
        with suppress(IllegalMove):  # it is published, or over
            self._journal.send_back(job.id, due_at, reason, kind)
        return RunResult.SENT_BACK
