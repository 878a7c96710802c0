"""The users' file: private, shared with our commands, whole or unchanged; and the hashes in it."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import argon2
import pytest

from daemon.errors import BadSettings, NoRoom
from daemon.settings.http_section import HttpSettings
from daemon.web.access import passwords, users_file
from daemon.web.access.access_events import FAILED, MOST_KEPT, By
from daemon.web.access.all_users import Users
from daemon.web.access.session_rows import MOST_SESSIONS
from daemon.web.access.user_rows import Scope
from daemon.web.access.users_schema import MIGRATIONS
from daemon.web.callers import Role
from tests.web.doors import HASH, PASSWORD, TESTER


def opened(state: Path) -> Users:
    return Users(state, HttpSettings(), lambda: 1000.0)


def add(users: Users, name: str) -> None:
    users.rows.add(name, Scope(Role.VIEWER), HASH, TESTER, 1000.0)


def test_only_its_owner_may_read_the_file_and_what_sqlite_puts_beside_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with opened(tmp_path / "state") as users:
            add(users, "anna")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()}
    finally:
        os.umask(before)

    assert modes == dict.fromkeys(("users.sqlite3", "users.sqlite3-wal", "users.sqlite3-shm"), 0o600)


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / users_file.NAME).chmod(0o644)

    opened(tmp_path).close()

    assert stat.S_IMODE((tmp_path / users_file.NAME).stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_root_creates_belongs_to_the_daemons_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)

    with opened(tmp_path) as users:
        add(users, "anna")
        owners = {path.name: path.stat().st_uid for path in tmp_path.iterdir()}

    assert owners == dict.fromkeys(("users.sqlite3", "users.sqlite3-wal", "users.sqlite3-shm"), 65534)


def test_a_name_is_one_user_in_whatever_case_and_unicode_form(tmp_path: Path) -> None:
    with opened(tmp_path) as users:
        add(users, "J\u00f6rg Stra\u00dfe")

        with pytest.raises(BadSettings, match="J\u00f6rg Stra\u00dfe already"):
            add(users, "JO\u0308RG STRASSE")
        assert users.rows.known("jo\u0308rg strasse").name == "J\u00f6rg Stra\u00dfe"


@pytest.mark.parametrize("name", ["", " anna", "anna ", "an\nna", "an\x00na", "-anna", "a" * 65, "\u202eanna"])
def test_a_name_that_people_could_not_tell_or_type_is_refused(tmp_path: Path, name: str) -> None:
    with opened(tmp_path) as users, pytest.raises(BadSettings, match="cannot be a user's name"):
        add(users, name)


@pytest.mark.parametrize("order", ["", "a/b"])
def test_an_order_is_the_name_of_one_folder(tmp_path: Path, order: str) -> None:
    with opened(tmp_path) as users, pytest.raises(BadSettings, match="is no order"):
        users.rows.add("anna", Scope(Role.VIEWER, frozenset({order})), HASH, TESTER, 0.0)


def test_an_admin_is_limited_to_no_orders(tmp_path: Path) -> None:
    with opened(tmp_path) as users, pytest.raises(BadSettings, match="admin sees all"):
        users.rows.add("anna", Scope(Role.ADMIN, frozenset({"a"})), HASH, TESTER, 0.0)


def test_two_programs_change_the_file_at_once_and_both_see_all(tmp_path: Path) -> None:
    with opened(tmp_path) as daemon, opened(tmp_path) as command:
        threads = [
            threading.Thread(target=add, args=(users, f"user {number}"))
            for number, users in enumerate([daemon, command] * 10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(daemon.rows.all()) == len(command.rows.all()) == 20


def test_a_change_that_cannot_be_written_down_with_who_made_it_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as users:
        add(users, "anna")
        monkeypatch.setattr(users.events, "record", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            users.rows.remove("anna", TESTER)

        assert users.rows.named("anna") is not None


def test_a_file_that_another_program_keeps_locked_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users_file, "_WAIT_SECONDS", 0.1)
    with opened(tmp_path) as users:
        other = sqlite3.connect(tmp_path / users_file.NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NoRoom, match="close other programs"):
            add(users, "anna")
        other.execute("ROLLBACK")
        other.close()
        add(users, "anna")

        assert [user.name for user in users.rows.all()] == ["anna"]


def test_a_file_that_cannot_be_written_keeps_nobody_out_who_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users_file, "_WAIT_SECONDS", 0.3)
    with opened(tmp_path) as users:
        add(users, "anna")
        secret = users.sessions.begin(users.rows.known("anna"), 1000.0)
        token = users.tokens.add("anna", "shop", Scope(Role.VIEWER), TESTER, (0.0, 9e9))
        other = sqlite3.connect(tmp_path / users_file.NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        began = time.monotonic()
        found = [users.sessions.user(str(secret), 1100.0 + number) for number in range(50)]
        came = [users.tokens.caller(token, 1100.0 + number) for number in range(50)]
        seconds = time.monotonic() - began
        other.close()

    assert all(found)
    assert all(came)
    assert seconds < 10  # and not 0.3 for each of the hundred


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / users_file.NAME).write_bytes(b"not a database" * 1000)

    with pytest.raises(BadSettings, match="move it away"):
        opened(tmp_path)


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / users_file.NAME) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(BadSettings, match="newer version"):
        opened(tmp_path)


def test_a_file_of_the_first_version_keeps_its_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_file, "MIGRATIONS", MIGRATIONS[:1])
    first = users_file.UsersFile(tmp_path / users_file.NAME)
    first.change("INSERT INTO users (name, key, role, made_at) VALUES ('anna', 'anna', 'viewer', 1.0)")
    first.close()
    monkeypatch.setattr(users_file, "MIGRATIONS", MIGRATIONS)

    with opened(tmp_path) as users:
        assert [user.name for user in users.rows.all()] == ["anna"]
        assert users.own_token == users.own_token != ""


def test_a_user_has_a_bounded_number_of_sessions_and_the_oldest_ends(tmp_path: Path) -> None:
    with opened(tmp_path) as users:
        add(users, "anna")
        anna = users.rows.known("anna")
        secrets = [users.sessions.begin(anna, 1000.0 + number) for number in range(MOST_SESSIONS + 1)]

        alive = [users.sessions.user(str(secret), 1100.0) is not None for secret in secrets]

    assert alive == [False] + [True] * MOST_SESSIONS


def test_a_password_that_changes_during_a_login_lets_nobody_in_with_the_old_one(tmp_path: Path) -> None:
    with opened(tmp_path) as users:
        add(users, "anna")
        read_before = users.rows.known("anna")
        users.rows.set_password("anna", passwords.hash_of("another password"), TESTER)

        assert users.sessions.begin(read_before, 1000.0) is None


def test_who_did_what_to_whom_is_written_down(tmp_path: Path) -> None:
    with opened(tmp_path) as users:
        add(users, "anna")
        users.rows.set_scope("anna", Scope(Role.OPERATOR, frozenset({"a"})), By("root", "command line"))
        newest, first = users.events.latest(10)

    assert (first.who, first.what, first.whom, first.at) == ("tester", "user_added", "anna", 1000.0)
    assert (newest.who, newest.what, newest.detail, newest.address) == (
        "root",
        "role_changed",
        "operator, only a",
        "command line",
    )


def test_failed_logins_fill_no_disk_and_push_no_other_event_out(tmp_path: Path) -> None:
    with opened(tmp_path) as users:
        add(users, "anna")
        with users._file.transaction():
            for _ in range(MOST_KEPT[FAILED] + 50):
                users.events.record(TESTER, FAILED, "")

        found = users.events.latest(MOST_KEPT[FAILED] + 100)

    assert [event.what for event in found].count(FAILED) == MOST_KEPT[FAILED]
    assert found[-1].what == "user_added"


def test_passwords_are_hashed_as_owasp_says() -> None:
    parameters = argon2.extract_parameters(HASH)

    assert (parameters.type, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        argon2.Type.ID,
        19456,
        2,
        1,
    )


def test_for_a_name_that_does_not_exist_as_much_is_computed() -> None:
    assert argon2.extract_parameters(passwords._NOBODYS) == argon2.extract_parameters(HASH)
    assert not passwords.matches(None, PASSWORD)


def test_a_password_is_the_same_from_every_keyboard() -> None:
    assert passwords.matches(passwords.hash_of("Schl\u00fcsselbund"), "Schlu\u0308sselbund")


@pytest.mark.parametrize("password", ["", "short", "x" * 1025, "ANNABELLA1"])
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(BadSettings, match="password must"):
        passwords.check_password(password, "annabella1")


def test_reading_the_own_token_needs_no_web_library() -> None:
    code = "import sys, daemon.commands.status; print({'argon2', 'starlette', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "set()", done.stderr
