"""The value that says which photo is worked on, and how."""

from dataclasses import dataclass

from daemon.jobs import Job
from daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class PhotoTask:
    """One try at one photo. Picklable, so that another process can do the work.

    settings: the daemon's settings with the orders of the photo's folder, as they were when the try began.
    """

    job: Job
    settings: Settings
