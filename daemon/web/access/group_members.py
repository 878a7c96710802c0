"""The people whom a login provider's groups let in: who needs no user before, and whose role follows the groups."""

from daemon.errors import BadSettings
from daemon.web.access.access_events import AccessEvents, By
from daemon.web.access.proven_person import ProvenPerson
from daemon.web.access.user_rows import LONGEST_NAME, User, UserRows, checked_name
from daemon.web.access.users_file import UsersFile


class GroupMembers:
    """What a login at the provider changes in the users' file."""

    def __init__(self, file: UsersFile, events: AccessEvents, rows: UserRows) -> None:
        self._file = file
        self._events = events
        self._rows = rows

    def user_of(self, person: ProvenPerson, provider: str, by: By, at: float) -> User | None:
        """The user that a person is, made now if its groups give it a role; None if it may not come in.

        All its sessions that groups gave a role have the present one from now on, or end. at: Unix seconds. by: its
        address; the name is added here.
        """
        with self._file.transaction():
            user = self._rows.at_provider(person.subject)
            if user is not None and user.disabled:
                return user
            if person.role is None:
                return user and self._without_group(user, provider, by)
            if user is None:
                return self._added(person, provider, by, at)
            role = user.scope.with_role(person.role).role
            if user.by_groups and user.scope.role is not role:
                self._file.change("UPDATE users SET role = ? WHERE id = ?", role, user.number)
                self._events.record(By(user.name, by.address), "role_changed", user.name, told_by(provider, person))
            self._file.change(
                "UPDATE sessions SET role = ? WHERE user_id = ? AND role IS NOT NULL", person.role, user.number
            )
            return self._rows.known(user.name)

    def _without_group(self, user: User, provider: str, by: By) -> User | None:
        """A user in no group with a role: one whom an admin named comes in as before, any other does not."""
        self._file.change("DELETE FROM sessions WHERE user_id = ? AND role IS NOT NULL", user.number)
        if not user.by_groups:
            return user
        self._file.change("DELETE FROM tokens WHERE user_id = ?", user.number)
        self._events.record(By(user.name, by.address), "group_lost", user.name, provider)
        return None

    def _added(self, person: ProvenPerson, provider: str, by: By, at: float) -> User:
        assert person.role is not None
        name = self._free_name(person)
        told = told_by(provider, person)
        user = self._rows.add_by_groups(name, person.role, person.subject, at)
        self._events.record(By(name, by.address), "user_added", name, told)
        return user

    def _free_name(self, person: ProvenPerson) -> str:
        """What the provider calls the person, if nobody has that name here; else with a number."""
        name = next(filter(None, map(_as_name, person.names)), "somebody")
        count, free = 1, name
        while self._rows.named(free):
            count += 1
            free = f"{name[: LONGEST_NAME - 8]} {count}"
        return free


def told_by(provider: str, person: ProvenPerson) -> str:
    """What the records say of where a role comes from."""
    return provider if person.role is None else f"{provider}: {person.role} by group {person.group}"


def _as_name(text: str) -> str:
    try:
        return checked_name(text)
    except BadSettings:
        return ""
