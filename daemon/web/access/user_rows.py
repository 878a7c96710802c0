"""The users: their names, what they may do, and their hashed passwords."""

import json
import unicodedata
from dataclasses import dataclass

from daemon.errors import BadSettings
from daemon.web.access.access_events import AccessEvents, By
from daemon.web.access.users_file import Row, UsersFile
from daemon.web.callers import Role

LONGEST_NAME = 64
LONGEST_SUBJECT = 255
USER_ROLES = (Role.VIEWER, Role.REVIEWER, Role.OPERATOR, Role.ADMIN)

COLUMNS = (
    "users.id, users.name, users.role, users.orders, users.password, users.disabled, users.made_at, users.oidc, "
    "users.by_groups"
)
"""What `user_of` reads of a table of users, in this order."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may do. orders: the top-level folders that it may see; None = all."""

    role: Role
    orders: frozenset[str] | None = None

    def __str__(self) -> str:
        if self.orders is None:
            return self.role.value
        return f"{self.role.value}, only {', '.join(sorted(self.orders)) or 'no order'}"

    def with_role(self, role: Role) -> "Scope":
        """The same orders with another role. Who is limited to some orders becomes an operator instead of an admin."""
        is_limited = self.orders is not None
        return Scope(Role.OPERATOR if role is Role.ADMIN and is_limited else role, self.orders)

    def check(self) -> None:
        """Raises BadSettings if the role and the orders do not fit together."""
        if self.role is Role.ADMIN and self.orders is not None:
            raise BadSettings("An admin sees all orders. Choose another role, leave --order out, or say --all-orders.")
        if bad := [order for order in self.orders or () if not order or "/" in order]:
            raise BadSettings(f"{min(bad)!r} is no order: name a folder that lies in inbox/, without a path.")


@dataclass(frozen=True, slots=True)
class User:
    """One user. password: its hash; None = cannot log in by password. made_at: Unix seconds.

    oidc: what the login provider says of this user; None = cannot log in there. by_groups: nobody named this user; it
    came by its groups there, and its role follows them.
    """

    number: int
    name: str
    scope: Scope
    password: str | None
    disabled: bool
    made_at: float
    oidc: str | None = None
    by_groups: bool = False


class UserRows:
    """The users in the users' file. Each change is recorded as an event, with who made it."""

    def __init__(self, file: UsersFile, events: AccessEvents) -> None:
        self._file = file
        self._events = events

    def any(self) -> bool:
        """Whether there is a user, so that people have to log in."""
        return self._file.row("SELECT 1 FROM users LIMIT 1") is not None

    def all(self) -> tuple[User, ...]:
        """All users, by name."""
        return tuple(user_of(row) for row in self._file.rows(f"SELECT {COLUMNS} FROM users ORDER BY key"))

    def named(self, name: str) -> User | None:
        """The user of that name, in whatever case and Unicode form; None if there is none."""
        row = self._file.row(f"SELECT {COLUMNS} FROM users WHERE key = ?", name_key(name))
        return user_of(row) if row else None

    def at_provider(self, subject: str) -> User | None:
        """The user of whom the login provider says this; None if there is none."""
        row = self._file.row(f"SELECT {COLUMNS} FROM users WHERE oidc = ?", subject)
        return user_of(row) if row else None

    def known(self, name: str) -> User:
        """The user of that name. Raises BadSettings if there is none."""
        user = self.named(name)
        if user is None:
            raise BadSettings(f"There is no user {name}. See who there is with: freisteller user list")
        return user

    def add(self, name: str, scope: Scope, password: str | None, by: By, at: float) -> User:
        """A new user. password: its hash. at: Unix seconds. Raises BadSettings for a name that is bad or taken."""
        name = checked_name(name)
        scope.check()
        with self._file.transaction():
            if taken := self.named(name):
                raise BadSettings(
                    f"There is a user {taken.name} already. Change the role with: freisteller user role, the password "
                    "with: freisteller user passwd"
                )
            self._file.change(
                "INSERT INTO users (name, key, role, orders, password, made_at) VALUES (?, ?, ?, ?, ?, ?)",
                name,
                name_key(name),
                scope.role,
                orders_text(scope.orders),
                password,
                at,
            )
            self._events.record(by, "user_added", name, str(scope))
            return self.known(name)

    def add_by_groups(self, name: str, role: Role, subject: str, at: float) -> User:
        """A new user whom nobody named: its role follows its groups at the login provider. The name must be free."""
        self._file.change(
            "INSERT INTO users (name, key, role, made_at, oidc, by_groups) VALUES (?, ?, ?, ?, ?, 1)",
            name,
            name_key(name),
            role,
            at,
            subject,
        )
        return self.known(name)

    def set_password(self, name: str, password: str | None, by: By) -> None:
        """Another password, as its hash. All sessions of the user end."""
        with self._file.transaction():
            user = self.known(name)
            self._file.change("UPDATE users SET password = ? WHERE id = ?", password, user.number)
            self._end_sessions(user)
            self._events.record(by, "password_changed", user.name)

    def set_own_password(self, user: User, password: str, by: By) -> bool:
        """The user's own new password, as its hash; all sessions end. False if somebody else changed it meanwhile."""
        with self._file.transaction():
            changed = self._file.change(
                "UPDATE users SET password = ? WHERE id = ? AND password = ? AND NOT disabled",
                password,
                user.number,
                user.password,
            )
            if changed:
                self._end_sessions(user)
                self._events.record(by, "password_changed", user.name)
        return bool(changed)

    def hash_anew(self, user: User, password: str) -> None:
        """The same password by today's parameters, unless somebody changed it meanwhile."""
        self._file.change(
            "UPDATE users SET password = ? WHERE id = ? AND password = ?", password, user.number, user.password
        )

    def set_oidc(self, name: str, subject: str | None, by: By) -> None:
        """Who the user is at the login provider; None = nobody. All sessions of the user end. Raises BadSettings."""
        if subject is not None and not (0 < len(subject) <= LONGEST_SUBJECT and subject.isprintable()):
            raise BadSettings(f"{subject!r} cannot be what a login provider says: copy it from the page that refused.")
        with self._file.transaction():
            user = self.known(name)
            other = None if subject is None else self.at_provider(subject)
            if other and other.number != user.number:
                raise BadSettings(
                    f"{subject} is {other.name} already. Take it away first: freisteller user oidc {other.name} --none"
                )
            self._file.change("UPDATE users SET oidc = ?, by_groups = 0 WHERE id = ?", subject, user.number)
            self._end_sessions(user)
            self._events.record(by, "oidc_changed", user.name, subject or "")

    def set_scope(self, name: str, scope: Scope, by: By) -> None:
        """Another role, and other orders. All sessions of the user end."""
        scope.check()
        with self._file.transaction():
            user = self.known(name)
            self._file.change(
                "UPDATE users SET role = ?, orders = ? WHERE id = ?", scope.role, orders_text(scope.orders), user.number
            )
            self._end_sessions(user)
            self._events.record(by, "role_changed", user.name, str(scope))

    def set_disabled(self, name: str, disabled: bool, by: By) -> None:
        """Let a user in no longer, or again. Tokens of a disabled user let nobody in either."""
        with self._file.transaction():
            user = self.known(name)
            self._file.change("UPDATE users SET disabled = ? WHERE id = ?", int(disabled), user.number)
            self._end_sessions(user)
            self._events.record(by, "user_disabled" if disabled else "user_enabled", user.name)

    def remove(self, name: str, by: By) -> None:
        """Remove a user with all sessions and tokens. What the user did stays in the records."""
        with self._file.transaction():
            user = self.known(name)
            self._file.change("DELETE FROM users WHERE id = ?", user.number)
            self._events.record(by, "user_removed", user.name)

    def _end_sessions(self, user: User) -> None:
        self._file.change("DELETE FROM sessions WHERE user_id = ?", user.number)


def user_of(row: Row) -> User:
    """The user of a row of `COLUMNS`."""
    number, name, role, orders, password, disabled, made_at, oidc, by_groups = row
    assert isinstance(number, int)
    assert isinstance(made_at, float)
    return User(
        number,
        str(name),
        Scope(Role(str(role)), orders_of(orders)),
        None if password is None else str(password),
        bool(disabled),
        made_at,
        None if oidc is None else str(oidc),
        bool(by_groups),
    )


def name_key(name: str) -> str:
    """A name as it is compared: Anna, anna and ANNA are one user, and so are both spellings of ä."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def checked_name(name: str) -> str:
    """A new user's name in its one Unicode form. Raises BadSettings if people could not tell or type it."""
    name = unicodedata.normalize("NFC", name)
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip() or name.startswith("-"):
        raise BadSettings(
            f"{name!r} cannot be a user's name: use 1 to {LONGEST_NAME} printable characters, with no space at its "
            "ends and no - at its start."
        )
    return name


def orders_text(orders: frozenset[str] | None) -> str | None:
    """Orders as the file keeps them."""
    return None if orders is None else json.dumps(sorted(orders), ensure_ascii=False)


def orders_of(text: object) -> frozenset[str] | None:
    """Orders as the file kept them."""
    return None if text is None else frozenset(json.loads(str(text)))
