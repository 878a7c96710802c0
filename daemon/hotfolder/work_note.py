"""The note beside a claimed original, which says what photo it is. It lets a new journal take over the job."""

import json
import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from daemon.disk import open_below
from daemon.disk.whole_file import write_whole
from daemon.errors import NoRoom, RootAway
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Job
from daemon.journal import JobRow

WORK_NOTE = ".job.json"


@dataclass(frozen=True, slots=True)
class _Content:
    name: str
    source: str
    admitted_at: float
    round: int
    size_bytes: int
    settings: str = ""


def write_work_note(folders: HotFolder, row: JobRow) -> None:
    """Write the note into the job's folder, before its original comes there. A folder with nothing else was never used.

    Its name is durable once the original's is. Errors are ignored: without a note, the photo starts as a new one.
    """
    job = row.job
    content = _Content(job.name, str(row.source), job.admitted_at, job.round, job.size_bytes, row.settings)
    with suppress(OSError, NoRoom, RootAway):
        write_whole(folders.jobs.work(job.id) / WORK_NOTE, json.dumps(asdict(content)).encode(), settle=False)


def drop_work_note(folders: HotFolder, job_id: str, tick: Tick) -> None:
    """Remove the note and the folder of a job whose original did not come, as far as that is possible now."""
    with suppress(OSError, NoRoom, RootAway):
        if folders.jobs.claimed(job_id) is None:
            tick(Effect.CLEAR)
            (folders.jobs.work_root / job_id / WORK_NOTE).unlink(missing_ok=True)
            (folders.jobs.work_root / job_id).rmdir()


def read_work_note(folders: HotFolder, job_id: str) -> JobRow | None:
    """The job that the note in its work folder describes. Returns None if there is no note, or a damaged one."""
    try:
        content = _Content(**json.loads(open_below.read_small(folders.jobs.work_root / job_id / WORK_NOTE)))
        content.name.encode()  # half a character raises ValueError
        content.settings.encode()
        for name in (content.name, content.source):
            _refuse_ways_out(name)
        if not (
            0 <= content.round < 1 << 31 and 0 <= content.size_bytes < 1 << 62 and math.isfinite(content.admitted_at)
        ):
            return None
        job = Job(
            job_id,
            content.name,
            round=content.round,
            size_bytes=content.size_bytes,
            admitted_at=float(content.admitted_at),
        )
        return JobRow(job, Path(content.source), 0, None, (), settings=content.settings)
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _refuse_ways_out(name: str) -> None:
    """Raise ValueError if a name is empty or leads out of the folders that it is used in."""
    path = PurePosixPath(name)
    if not name or "\0" in name or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"not a name below inbox/: {name!r}")
