"""The base class of every section of the settings."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of the settings. It is frozen and accepts no unknown key."""

    model_config = ConfigDict(extra="forbid", frozen=True)
