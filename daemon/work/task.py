"""The value that says which photo is worked on, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.jobs import Correction, Job
from daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class PhotoTask:
    """One try at one photo. Picklable, so that another process can do the work.

    settings: the daemon's settings with the orders of the photo's folder, as they were when the try began.
    corrections: by model, what people's verdicts add to scores, as they were when the round began.
    """

    job: Job
    settings: Settings
    corrections: Mapping[str, Correction] = field(default_factory=dict)
