"""Who asks, and what that person or program may do. No HTTP here."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do; each role may do all that the roles before it may do."""

    NOBODY = "nobody"
    """Whoever reaches the port: is it alive, the page to log in."""
    MONITOR = "monitor"
    """Figures without the names of photos."""
    VIEWER = "viewer"
    """Looks at photos, results and orders."""
    REVIEWER = "reviewer"
    """Decides on results: grades, touch-ups, another try."""
    OPERATOR = "operator"
    """Brings photos in, cancels, sets priorities, pauses."""
    ADMIN = "admin"
    """Decides who may do what, and reads who did what."""

    def may(self, needed: "Role") -> bool:
        """Whether this role may do what needs another one."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. name: "" = not known. orders: the top-level folders that it may see; None = all of them.

    by_token: whether it came with a token in a header. Such a request cannot come from a page of somebody else.
    """

    name: str
    role: Role
    orders: frozenset[str] | None = None
    by_token: bool = False

    def sees(self, order: str) -> bool:
        """Whether it may see the photos of an order; "" are those without one."""
        return self.orders is None or order in self.orders


NOBODY = Caller("", Role.NOBODY)
