"""The settings of a cluster: where its scheduler is, and by which certificates its machines know each other."""

import re

from pydantic import Field, field_validator

from daemon.settings.section import Section

_ADDRESS = re.compile(r"(tls|tcp)://[^\s/@]+:\d{1,5}")


class ClusterSettings(Section):
    """Where `dispatch.executor = "dask"` and `freisteller worker` find the scheduler. silent_seconds: after which
    a worker that is not heard of any more loses its photos to others.
    """

    scheduler: str = ""
    ca_file: str = ""
    cert: str = ""
    key: str = ""
    silent_seconds: float = Field(60.0, ge=5, le=3600)

    @field_validator("scheduler")
    @classmethod
    def a_scheduler_is_an_address(cls, scheduler: str) -> str:
        """Refuse what is no address of a Dask scheduler."""
        if scheduler and not _ADDRESS.fullmatch(scheduler):
            raise ValueError('must look like "tls://render-1:8786"')
        return scheduler
