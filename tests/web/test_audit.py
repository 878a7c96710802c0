"""Who did what, and when: for admins, page by page, nothing twice and nothing left out."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from daemon.people.deeds import DeedKind
from daemon.settings.http_section import HttpSettings
from daemon.web.access.all_users import Users
from daemon.web.access.audit_ways import Entry, ListOfEntries, merged
from daemon.web.access.user_rows import Scope
from daemon.web.callers import Role
from tests.drawing import drawn_photo, save_photo
from tests.web.doors import HASH, PASSWORD, TESTER
from tests.web.live_daemon import PATIENCE_SECONDS, Live, live_daemon


def listed(times: Sequence[float]) -> ListOfEntries:
    """A list whose entries happened at these times, in the order of their numbers."""
    newest_first = [Entry(number, at, {"number": number}) for number, at in enumerate(times, 1)][::-1]

    def entries(before: int, most: int) -> Sequence[Entry]:
        return [entry for entry in newest_first if entry.number < before][:most]

    return entries


TIMES = some.lists(some.integers(0, 9).map(float), max_size=12)


@given(TIMES, TIMES, some.integers(1, 5))
def test_pages_show_each_entry_of_both_lists_once_whatever_the_clock_did(
    one: list[float], other: list[float], most: int
) -> None:
    lists, seen = (listed(one), listed(other)), list[Entry]()
    before: tuple[int, ...] | None = (99, 99)
    while before is not None:
        page, left = merged(lists, before, most)
        assert len(page) == most or left is None
        seen += page
        before = left

    assert sorted(entry.at for entry in seen) == sorted(one + other)
    if one == sorted(one) and other == sorted(other):
        assert [entry.at for entry in seen] == sorted(one + other, reverse=True)


@pytest.fixture
def admin() -> dict[str, str]:
    return {"Sec-Fetch-Site": "same-origin"}


def entries_of(live: Live, headers: dict[str, str], query: str = "") -> list[dict[str, object]]:
    found = live.ask("GET", f"/api/v1/audit{query}", headers=headers).json["entries"]
    assert isinstance(found, list)
    return found


def test_deeds_logins_and_changes_of_users_stand_in_one_list(tmp_path: Path, admin: dict[str, str]) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", **admin}
    with live_daemon(tmp_path) as live, Users(tmp_path / "state", HttpSettings()) as users:
        users.rows.add("anna", Scope(Role.ADMIN), HASH, TESTER, time.time())
        live.ask("POST", "/login", b"name=anna&password=wrong", form)
        live.ask("POST", "/login", b"name=a+secret+typed+here&password=x", form)
        came = live.ask("POST", "/login", f"name=anna&password={PASSWORD}".replace(" ", "+").encode(), form)
        admin["Cookie"] = came.headers["set-cookie"].partition(";")[0]
        save_photo(live.root / "inbox" / "shoes" / "a.png", drawn_photo(96, 72))
        job = _done_job(live, admin)
        deeds = live.daemon.parts.deeds
        deeds.undo(deeds.act(DeedKind.GRADE, job, "anna", {"grade": "ungenügend"}), "anna")
        live.ask("POST", "/logout", b"", admin)
        _move_to_another_grade(live, "shoes/a.png")
        users.rows.set_scope("anna", Scope(Role.ADMIN), TESTER)
        again = live.ask("POST", "/login", f"name=anna&password={PASSWORD}".replace(" ", "+").encode(), form)
        admin["Cookie"] = again.headers["set-cookie"].partition(";")[0]
        found = entries_of(live, admin)

    told = [(entry["who"], entry["what"], entry["name"], entry["job"], entry["order"]) for entry in found[::-1]]
    assert told == [
        ("tester", "user_added", "anna", "", ""),
        ("anna", "login_failed", "anna", "", ""),
        ("", "login_failed", "", "", ""),
        ("anna", "login", "anna", "", ""),
        ("anna", "grade", "shoes/a.png", job, "shoes"),
        ("anna", "undo", "shoes/a.png", job, "shoes"),
        ("anna", "logout", "anna", "", ""),
        ("", "moved", "shoes/a.png", job, "shoes"),
        ("tester", "role_changed", "anna", "", ""),
        ("anna", "login", "anna", "", ""),
    ]
    assert all(isinstance(entry["at"], float) and entry["at"] > 1.7e9 for entry in found)
    assert found[-2]["address"] == "127.0.0.1"


def test_a_cursor_of_another_list_is_refused(tmp_path: Path) -> None:
    with live_daemon(tmp_path) as live:
        answers = [live.ask("GET", f"/api/v1/audit?cursor={cursor}") for cursor in ("x", "1", "1-2", "1-2-3-4", "-1-2")]
        first = live.ask("GET", "/api/v1/audit?cursor=&limit=1")

    assert [(answer.status, answer.problem) for answer in answers] == [(400, "bad_parameter")] * 5
    assert first.json == {"entries": [], "next": None}


def _move_to_another_grade(live: Live, name: str) -> None:
    """Move a result by hand, and wait until that is known."""
    (result,) = [path for path in live.root.rglob("a.png") if path.parts[-3] in ("sehr_gut", "gut", "ungenügend")]
    target = live.root / ("gut" if result.parts[-3] == "ungenügend" else "ungenügend") / name
    target.parent.mkdir(parents=True, exist_ok=True)
    result.rename(target)
    until = time.monotonic() + PATIENCE_SECONDS
    while not live.daemon.parts.journal.verdicts.moved(10**18, 1):
        assert time.monotonic() < until
        time.sleep(0.1)


def _done_job(live: Live, headers: dict[str, str]) -> str:
    until = time.monotonic() + PATIENCE_SECONDS
    while not (found := live.ask("GET", "/api/v1/jobs?state=done", headers=headers).json["jobs"]):
        assert time.monotonic() < until
        time.sleep(0.1)
    return str(found[0]["id"])
