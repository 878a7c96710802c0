"""What `freisteller doctor` finds."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked. remedy: what to do about it; "" = nothing."""

    level: Literal["OK", "warn", "fail"]
    what: str
    detail: str
    remedy: str = ""
