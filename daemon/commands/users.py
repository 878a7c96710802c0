"""`freisteller user`: who may log in at the port, and with which tokens programs come in."""

import os
import pwd
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.errors import BadSettings, NoRoom
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_identity import read_identity
from daemon.settings import Settings
from daemon.web.access.access_events import By
from daemon.web.access.all_users import Users
from daemon.web.access.user_rows import USER_ROLES, Scope
from daemon.web.access.users_file import NAME
from daemon.web.callers import Role

TOKEN_ROLES = (Role.MONITOR, *USER_ROLES)
DAY_SECONDS = 24 * 3600.0


@contextmanager
def users_of(settings: Settings) -> Iterator[Users]:
    """The users of the hot folder that the settings name. Raises BadSettings if it has no state directory yet."""
    with Users(_state_of(settings), settings.http) as users:
        yield users


def _state_of(settings: Settings) -> Path:
    given = settings.given_state_path
    root_id = "" if given else read_identity(HotFolder(settings.root_path).private)
    if root_id is None:
        raise BadSettings(
            f"{settings.root_path} is no hot folder yet, so its users have no place. Check --root and --config, or "
            "make it a hot folder first with: freisteller run --once"
        )
    return settings.state_path(root_id)


def own_token(settings: Settings) -> str:
    """With which our commands read the figures of a daemon whose people log in. "" if we may not read its file."""
    try:
        if not (_state_of(settings) / NAME).exists():
            return ""
        with users_of(settings) as users:
            return users.own_token
    except (BadSettings, NoRoom, OSError):
        return ""


def add_user(settings: Settings, name: str, scope: Scope, password: str | None, oidc: str | None = None) -> list[str]:
    """Add a user. password: None = nobody can log in with one. oidc: who it is at the login provider.

    Returns what to tell the person. Raises BadSettings.
    """
    hashed = _hash_of_new(name, password)
    with users_of(settings) as users:
        is_first = not users.rows.any()
        with users.all_or_nothing():
            user = users.rows.add(name, scope, hashed, _ourselves(), time.time())
            if oidc is not None:
                users.rows.set_oidc(name, oidc, _ourselves())
        has_admin = any(each.scope.role is Role.ADMIN for each in users.rows.all())
    lines = [f"added: {user.name}, {user.scope}"]
    if is_first:
        lines.append("From now on everybody has to log in at the port, also on this machine.")
        if not settings.http.token.get_secret_value():
            lines.append("If Prometheus reads the figures, set http.token, or make it a token of role monitor.")
    if not has_admin:
        lines.append("There is no admin yet. Make one with: freisteller user add NAME --role admin")
    if oidc is not None and not settings.http.oidc.issuer:
        lines.append("No login provider is set yet: see http.oidc in the settings.")
    if (password is not None or oidc is not None) and settings.http.bind:
        lines.append(f"Log in at {settings.http.public_url or 'http://' + settings.http.bind}/login")
    return lines


def set_password(settings: Settings, name: str, password: str) -> str:
    """Another password for a user, whose sessions end. Returns the name as it is kept. Raises BadSettings."""
    hashed = _hash_of_new(name, password)
    with users_of(settings) as users:
        users.rows.set_password(name, hashed, _ourselves())
        return users.rows.known(name).name


def set_oidc(settings: Settings, name: str, subject: str | None) -> str:
    """Who a user is at the login provider; None = nobody. Returns the name as it is kept. Raises BadSettings."""
    with users_of(settings) as users:
        users.rows.set_oidc(name, subject, _ourselves())
        return users.rows.known(name).name


def set_scope(settings: Settings, name: str, role: str, orders: Sequence[str], all_orders: bool) -> str:
    """Another role. orders: instead of those before; none = as before. Returns what the user is now.

    all_orders: the user is limited to no orders any longer. Raises BadSettings.
    """
    scope = scope_of(role, orders)
    if orders and all_orders:
        raise BadSettings("Name orders, or --all-orders, not both.")
    with users_of(settings) as users:
        before = users.rows.known(name).scope.orders
        if before is not None and not orders and not all_orders:
            scope = Scope(scope.role, before)
        users.rows.set_scope(name, scope, _ourselves())
        return f"{users.rows.known(name).name} is now: {scope}"


def set_disabled(settings: Settings, name: str, disabled: bool) -> str:
    """Keep a user out, or let it in again. Returns the name as it is kept. Raises BadSettings."""
    with users_of(settings) as users:
        users.rows.set_disabled(name, disabled, _ourselves())
        return users.rows.known(name).name


def remove_user(settings: Settings, name: str) -> list[str]:
    """Remove a user. Returns what to tell the person. Raises BadSettings."""
    with users_of(settings) as users:
        kept = users.rows.known(name).name
        users.rows.remove(name, _ourselves())
        lines = [f"removed: {kept}, with all sessions and tokens"]
        if not users.rows.any():
            lines.append("That was the last user: on this machine nobody has to log in now, and other machines cannot.")
    return lines


def list_users(settings: Settings) -> list[dict[str, Any]]:
    """All users as JSON values."""
    with users_of(settings) as users:
        return [
            {
                "name": user.name,
                "role": user.scope.role.value,
                "orders": None if user.scope.orders is None else sorted(user.scope.orders),
                "password": user.password is not None,
                "oidc": user.oidc,
                "by_groups": user.by_groups,
                "disabled": user.disabled,
                "made_at": user.made_at,
            }
            for user in users.rows.all()
        ]


def add_token(settings: Settings, user: str, label: str, role: str, orders: Sequence[str], days: int) -> str:
    """A new token; returns its secret. role "", no orders: those of its user. Raises BadSettings."""
    now = time.time()
    with users_of(settings) as users:
        owner = users.rows.known(user)
        scope = scope_of(role or owner.scope.role, orders, TOKEN_ROLES)
        if not owner.scope.role.may(scope.role):
            raise BadSettings(f"{owner.name} is a {owner.scope.role}: a token cannot do more. Leave --role out.")
        return users.tokens.add(owner.name, label, scope, _ourselves(), (now, now + days * DAY_SECONDS))


def remove_token(settings: Settings, user: str, label: str) -> None:
    """Remove a token. Raises BadSettings if there is none of that name."""
    with users_of(settings) as users:
        users.tokens.remove(users.rows.known(user).name, label, _ourselves())


def list_tokens(settings: Settings) -> list[dict[str, Any]]:
    """All tokens as JSON values, without their secrets."""
    with users_of(settings) as users:
        return [
            {
                "user": token.user,
                "name": token.label,
                "role": token.scope.role.value,
                "orders": None if token.scope.orders is None else sorted(token.scope.orders),
                "made_at": token.made_at,
                "ends_at": token.ends_at,
                "used_at": token.used_at,
            }
            for token in users.tokens.all()
        ]


def scope_of(role: str, orders: Sequence[str], roles: Sequence[Role] = USER_ROLES) -> Scope:
    """A role and orders as they were typed; no orders = all. Raises BadSettings for a role that is none of these."""
    if role not in roles:
        raise BadSettings(f"There is no role {role}: choose {', '.join(roles)}.")
    return Scope(Role(role), frozenset(orders) if orders else None)


def _hash_of_new(name: str, password: str | None) -> str | None:
    if password is None:
        return None
    from daemon.web.access import passwords  # the status commands import this module, and need no argon2

    passwords.check_password(password, name)
    return passwords.hash_of(password)


def _ourselves() -> By:
    """Whoever runs the command, as the system knows him."""
    number = os.getuid()
    try:
        return By(pwd.getpwuid(number).pw_name, "command line")
    except KeyError:
        return By(f"uid {number}", "command line")
