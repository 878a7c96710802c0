"""Moves a result out of the way that another one of the same photo replaces."""

from pathlib import PurePosixPath

from daemon.hotfolder import ownership, place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Job
from daemon.journal import Journal

EARLIER = "-earlier"
"""Is added in `archiv/` to the name of a result that another one replaces."""


def retire_earlier_result(folders: HotFolder, journal: Journal, tick: Tick, job: Job) -> None:
    """Move the result that a job's choice replaces to `archiv/`: a person may prefer it, or may have edited it.

    May be repeated after a crash. What is gone, or belongs to another job by now, is left out. Raises NoRoom, RootAway.
    """
    choice = job.choice
    if choice is None:
        return
    reports = [PurePosixPath(place).stem for place in choice.replaces if place.endswith(".json")]
    stem = reports[0] if reports else PurePosixPath(job.name).stem
    there = [place for place in choice.replaces if is_of_job(folders, journal, job.id, place)]
    if there:
        name = PurePosixPath(job.name)
        files = [(folders.root / place, _tail(PurePosixPath(place), stem)) for place in there]
        tick(Effect.ARCHIVE_EARLIER_RESULT)
        place_files.place(files, folders.archive, name.with_name(f"{name.stem}{EARLIER}"))
    for place in there:
        tick(Effect.REMOVE_EARLIER_RESULT)
        ownership.remove(folders.root, place)
    tick(Effect.FORGET_EARLIER_RESULT)
    journal.choices.retired(job.id, choice)


def is_of_job(folders: HotFolder, journal: Journal, job_id: str, place: str) -> bool:
    """Whether the file at a place is the job's: as it was published, or edited since, but not another job's."""
    found = ownership.file_id_at(folders.root, place)
    if found is None:
        return False
    if place.endswith(".json"):
        return ownership.job_of_report(folders.root, place) == job_id
    owner = journal.result_files.of_file(found) or journal.jobs_at([place]).get(place)
    return owner in (None, job_id)


def _tail(place: PurePosixPath, stem: str) -> str:
    """What tells a file of a result from the others: "_mask.png"; its suffix if a person renamed it."""
    return place.name.removeprefix(stem) if place.name.startswith(stem) else place.suffix
