"""People change their own password on a page, over a real port."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from daemon.web.access.user_rows import Scope
from daemon.web.callers import Role
from tests.web.doors import PASSWORD, TESTER, Answer, Door, door

NEW = "staple of the battery"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Door]:
    with door(tmp_path, user="anna") as opened:
        yield opened


def change(port: Door, cookie: str, current: str = PASSWORD, new: str = NEW, again: str = "") -> Answer:
    body = urlencode({"current": current, "new": new, "again": again or new})
    return port.ask("/password", "POST", {**FORM, "Cookie": cookie}, body)


def is_in(port: Door, cookie: str) -> bool:
    return port.ask("/api/v1/me", headers={"Cookie": cookie}).status == 200


def test_a_new_password_counts_and_ends_the_sessions_elsewhere(port: Door) -> None:
    here, elsewhere = port.log_in("anna").cookie, port.log_in("anna").cookie

    changed = change(port, here)

    assert (changed.status, changed.headers["Location"]) == (303, "/password?done")
    assert changed.cookie != here
    assert (is_in(port, changed.cookie), is_in(port, here), is_in(port, elsewhere)) == (True, False, False)
    assert (port.log_in("anna").status, port.log_in("anna", NEW).status) == (401, 303)


def test_the_change_is_recorded_with_who_did_it(port: Door) -> None:
    change(port, port.log_in("anna").cookie)

    (told,) = [event for event in port.users.events.latest(10) if event.what == "password_changed"]

    assert (told.who, told.whom) == ("anna", "anna")


@pytest.mark.parametrize(
    ("current", "new", "again", "status", "said"),
    [
        ("wrong wrong wrong", NEW, "", 401, "The current password is wrong."),
        (PASSWORD, NEW, NEW + "!", 422, "The two new passwords differ."),
        (PASSWORD, "short", "", 422, "must have 10 to 1024 characters"),
        (PASSWORD, "x" * 2000, "", 422, "must have 10 to 1024 characters"),
    ],
)
def test_what_cannot_be_changed_says_why_and_changes_nothing(
    port: Door, current: str, new: str, again: str, status: int, said: str
) -> None:
    cookie = port.log_in("anna").cookie

    refused = change(port, cookie, current, new, again)

    assert refused.status == status
    assert said in refused.body
    assert is_in(port, cookie)
    assert port.log_in("anna").status == 303


def test_guessing_the_current_password_is_slowed_down(port: Door) -> None:
    cookie = port.log_in("anna").cookie

    seen = [change(port, cookie, "wrong wrong wrong").status for _ in range(32)]

    assert seen[0] == 401
    assert 429 in seen


def test_a_program_cannot_change_the_password_of_its_user(port: Door) -> None:
    token = port.token("anna", Scope(Role.VIEWER))
    headers = {**FORM, "Authorization": f"Bearer {token}"}

    refused = port.ask("/password", "POST", headers, urlencode({"current": PASSWORD, "new": NEW, "again": NEW}))

    assert refused.status == 409
    assert port.log_in("anna").status == 303


def test_whoever_has_no_password_is_told_so(port: Door) -> None:
    cookie = port.log_in("anna").cookie
    user = port.users.rows.known("anna")
    port.users._file.change("UPDATE users SET password = NULL WHERE id = ?", user.number)

    refused = change(port, cookie)

    assert refused.status == 409
    assert "Only who logs in with a password" in refused.body


def test_a_password_that_an_admin_has_just_set_is_not_set_over(port: Door) -> None:
    before = port.users.rows.known("anna")
    port.users.rows.set_password("anna", "a hash of the admin", TESTER)

    assert not port.users.rows.set_own_password(before, "a hash of anna", TESTER)
    assert port.users.rows.known("anna").password == "a hash of the admin"
