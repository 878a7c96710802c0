"""Runs each job with the orders by which its photo was taken, and what was sent with it."""

from daemon.errors import BadOrder, NoRoom, RootAway
from daemon.hotfolder.orders import Orders
from daemon.jobs import Job
from daemon.journal import Journal
from daemon.people.learnt_corrections import LearntCorrections
from daemon.settings.current import CurrentSettings
from daemon.work.job_runner import JobRunner, RunResult
from daemon.work.progress import Progress
from daemon.work.task import PhotoTask


class TaskRunner:
    """Makes a task of each job that is started. Safe to call from many threads."""

    def __init__(
        self,
        journal: Journal,
        orders: Orders,
        job_runner: JobRunner,
        progress: Progress,
        settings: CurrentSettings,
        corrections: LearntCorrections,
    ) -> None:
        self._journal = journal
        self._orders = orders
        self._job_runner = job_runner
        self._progress = progress
        self._settings = settings
        self._corrections = corrections

    def run(self, job: Job) -> RunResult:
        """Run a job that was just started; never raises."""
        return self._progress.follow(job, self._run)

    def _run(self, job: Job) -> RunResult:
        try:
            row = self._journal.row(job.id)
            taken_by = self._journal.taken_orders.of(job.id, row.job.round)
            settings = self._orders.settings_for(row.source, row.settings, taken_by)
            corrections = self._corrections.for_photo(job, settings)
        except (BadOrder, NoRoom, RootAway) as error:
            return self._job_runner.hold(PhotoTask(job, self._settings.now), error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this photo only
            return self._job_runner.answer_fault(PhotoTask(job, self._settings.now), error)
        return self._job_runner.run(PhotoTask(job, settings, corrections))
