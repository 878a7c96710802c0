"""`freisteller user`, as a person types it: beside a running daemon, and without one."""

import json
import os
import pty
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from daemon.settings.http_section import HttpSettings
from daemon.web.access import passwords
from daemon.web.access.all_users import Users
from daemon.web.callers import Role
from tests.processes import LONGEST_WAIT_SECONDS, DaemonProcess, environment, freisteller

PASSWORD = "correct horse battery"


def user(*words: str, folder: Path, typed: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one `freisteller user` command; `typed` is its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "daemon", "user", *words],
        env=environment(folder, **settings),
        cwd=folder,
        input=typed,
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT_SECONDS,
        check=False,
    )


def listed(folder: Path, *words: str) -> list[dict[str, object]]:
    found = json.loads(user(*words, "list", "--json", folder=folder).stdout)
    assert isinstance(found, list)
    return found


def typed_on_a_terminal(folder: Path, *words: str, answers: dict[str, str]) -> tuple[int, str]:
    """Run a command on a terminal and answer its questions. Returns its exit code, and all that the terminal showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-m", "daemon", "user", *words], environment(folder))
    shown = b""
    for question, answer in answers.items():
        while question.encode() not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, f"{answer}\n".encode())
    try:
        while piece := os.read(terminal, 1024):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_the_first_user_is_told_what_changes_and_where_to_log_in(tmp_path: Path) -> None:
    done = user("add", "anna", "--role", "reviewer", "--order", "b", "--order", "a", folder=tmp_path, typed=PASSWORD)

    assert done.returncode == 0, done.stderr
    assert "From now on everybody has to log in" in done.stdout
    assert "freisteller user add NAME --role admin" in done.stdout
    (anna,) = listed(tmp_path)
    assert (anna["name"], anna["role"], anna["orders"]) == ("anna", "reviewer", ["a", "b"])


def test_on_a_terminal_a_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    code, shown = typed_on_a_terminal(tmp_path, "add", "anna", answers={"Password: ": PASSWORD, "Once more": PASSWORD})

    assert code == 0, shown
    assert PASSWORD not in shown
    with Users(tmp_path / "state", HttpSettings()) as users:
        assert passwords.matches(users.rows.known("anna").password, PASSWORD)


def test_two_different_passwords_change_nothing(tmp_path: Path) -> None:
    code, shown = typed_on_a_terminal(tmp_path, "add", "anna", answers={"Password: ": PASSWORD, "Once more": "another"})

    assert code == 2
    assert "differ" in shown
    assert listed(tmp_path) == []


def test_a_life_of_a_user(tmp_path: Path) -> None:
    def run(*words: str, typed: str = "") -> str:
        done = user(*words, folder=tmp_path, typed=typed)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("add", "Änna", typed=PASSWORD)
    assert "is now: operator, only a" in run("role", "änna", "operator", "--order", "a")
    assert "is now: reviewer, only a" in run("role", "änna", "reviewer")
    assert "is now: reviewer\n" in run("role", "änna", "reviewer", "--all-orders")
    run("passwd", "ÄNNA", typed="another password")
    secret = run("token", "add", "änna", "shop", "--role", "viewer", "--order", "b", "--days", "30").strip()
    (token,) = listed(tmp_path, "token")
    run("disable", "änna")
    (disabled,) = listed(tmp_path)
    run("enable", "änna")
    run("token", "remove", "änna", "shop")
    assert "That was the last user" in run("remove", "änna")

    assert secret.startswith("frs_")
    assert (token["user"], token["name"], token["role"], token["orders"]) == ("Änna", "shop", "viewer", ["b"])
    assert token["ends_at"] == pytest.approx(time.time() + 30 * 86400, abs=60)
    assert disabled["disabled"] is True
    assert listed(tmp_path) == listed(tmp_path, "token") == []


@pytest.fixture(scope="module")
def with_anna(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose only user is anna."""
    folder = tmp_path_factory.mktemp("with anna")
    assert user("add", "anna", folder=folder, typed=PASSWORD).returncode == 0
    return folder


@pytest.mark.parametrize(
    ("words", "typed", "says"),
    [
        (("add", "bea", "--role", "king"), PASSWORD, "choose viewer, reviewer, operator, admin"),
        (("add", "bea", "--role", "admin", "--order", "a"), PASSWORD, "admin sees all orders"),
        (("add", "bea"), "short", "10 to 1024 characters"),
        (("add", "bea"), "", "10 to 1024 characters"),
        (("add", "ANNA"), PASSWORD, "freisteller user passwd"),
        (("passwd", "bea"), PASSWORD, "freisteller user list"),
        (("role", "bea", "viewer"), "", "freisteller user list"),
        (("role", "anna", "viewer", "--order", "a", "--all-orders"), "", "not both"),
        (("remove", "bea"), "", "freisteller user list"),
        (("token", "add", "bea", "shop"), "", "freisteller user list"),
        (("token", "add", "anna", "shop", "--role", "admin"), "", "Leave --role out"),
        (("token", "remove", "anna", "shop"), "", "freisteller user token list"),
    ],
    ids=str,
)
def test_a_mistake_is_answered_with_what_to_do_and_changes_nothing(
    with_anna: Path, words: tuple[str, ...], typed: str, says: str
) -> None:
    done = user(*words, folder=with_anna, typed=typed)

    assert done.returncode == 2
    assert says in done.stderr
    with Users(with_anna / "state", HttpSettings()) as users:
        (anna,) = users.rows.all()
        assert (anna.name, anna.scope.role, users.tokens.all()) == ("anna", Role.VIEWER, ())
        assert passwords.matches(users.rows.known("anna").password, PASSWORD)


def test_without_a_hot_folder_and_a_state_directory_there_is_no_place_for_users(tmp_path: Path) -> None:
    done = user("list", folder=tmp_path, FREISTELLER__STATE_DIR="")

    assert done.returncode == 2
    assert "freisteller run --once" in done.stderr


@pytest.mark.slow
def test_a_user_added_beside_a_running_daemon_counts_at_once_and_our_commands_still_read_the_figures(
    tmp_path: Path,
) -> None:
    with DaemonProcess(tmp_path, FREISTELLER__HTTP__BIND="127.0.0.1:0") as daemon:
        port = ""

        def opened() -> str:
            nonlocal port
            port = "".join(re.findall(r'"port": (\d+)', (tmp_path / "daemon.log").read_text())[-1:])
            return port

        daemon.wait_until(lambda: bool(opened()), "the port to open")
        bind = f"127.0.0.1:{port}"
        before = status_of(f"http://{bind}/metrics")
        user("add", "anna", folder=tmp_path, typed=PASSWORD)
        after = status_of(f"http://{bind}/metrics")
        health = freisteller("health", folder=tmp_path, FREISTELLER__HTTP__BIND=bind)

    assert (before, after) == (200, 401)
    assert (health.returncode, health.stdout) == (0, "alive\n")


@pytest.mark.slow
def test_a_first_start_for_other_machines_is_refused_with_the_command_to_type(tmp_path: Path) -> None:
    port = {"FREISTELLER__HTTP__BIND": "0.0.0.0:0"}

    started = freisteller("run", "--once", folder=tmp_path, **port)
    user("add", "anna", "--role", "admin", folder=tmp_path, typed=PASSWORD)
    again = freisteller("run", "--once", folder=tmp_path, **port)

    assert started.returncode == 2
    assert "freisteller user add NAME --role admin" in started.stderr
    assert again.returncode == 0, again.stderr


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
