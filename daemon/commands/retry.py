"""`freisteller retry`: failed photos are tried again."""

from collections.abc import Sequence

from daemon.commands.journal_of_root import journal_of_root
from daemon.errors import FreistellerError, JournalLocked
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.people.retries import Retries
from daemon.publishing.notes import CANCELLED, REJECTED
from daemon.settings import Settings
from daemon.states import State


def retry_jobs(
    settings: Settings, ids: Sequence[str] | None, runtime: Runtime | None = None
) -> tuple[list[str], list[str]]:
    """Let the failed jobs with these ids be tried again; None = all of them that no person cancelled or rejected.

    Returns the names of the photos that will be tried, and for each other job why it cannot be.
    Raises BadSettings if the hot folder has no journal, JournalLocked if another program keeps it locked.
    """
    folders = HotFolder(settings.root_path)
    taken, refused = [], []
    with journal_of_root(settings) as journal:
        folders.prepare()
        journal.turns.make_due(JournalLocked.reason)  # if the journal cannot be written, no file is moved either
        retries = Retries(folders, journal, JobLocks(), runtime or Runtime())
        by_person = (CANCELLED, REJECTED)
        failed = [row.job.id for row in journal.rows(State.FAILED) if row.reason_kind not in by_person]
        for job_id in ids or failed:
            try:
                taken.append(retries.try_again(job_id))
            except KeyError:
                refused.append(f"{job_id}: this hot folder has no job with that id. See: freisteller status --json")
            except JournalLocked:
                raise
            except (FreistellerError, OSError) as error:
                refused.append(f"{job_id}: {error}")
            except Exception as error:  # noqa: BLE001 - one photo must not keep the others from being tried again
                refused.append(f"{job_id}: {type(error).__name__}: {error}; please report it")
    return taken, refused
