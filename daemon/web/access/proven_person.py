"""What a login provider proves of a person: who it is, and what its groups there may do here."""

from dataclasses import dataclass

from daemon.web.callers import Role


@dataclass(frozen=True, slots=True)
class ProvenPerson:
    """Whom a provider let in. subject: what it says of the person that we compare.

    names: what it calls the person, the best one first. role: the highest one that a group gives; None = no group does.
    group: that group. session_seconds: how long a session by a group may last, since nobody tells us when the person
    leaves it. id_token: the provider's word, with which one logs out there.
    """

    subject: str
    names: tuple[str, ...] = ()
    role: Role | None = None
    group: str = ""
    session_seconds: float = 0.0
    id_token: str = ""
