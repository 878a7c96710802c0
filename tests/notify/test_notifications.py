"""What people are notified of: outages, failed photos, folders that are done."""

import json
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import NoRoom, Said
from daemon.jobs import Grade, Reason
from daemon.notify import notices, outage_notices
from daemon.notify.notices import BatchFigures, FailedPhoto, Origin, PhotoEnd, payload
from daemon.notify.outage_notices import PARTS
from daemon.notify.outages import OutageChange, Outages, missing_parts
from daemon.observe.labels import EVENTS, OBSTACLES
from daemon.observe.obstacles import STOPPING, Obstacle
from daemon.service.lifecycle import Daemon
from daemon.settings import HookSettings, load
from daemon.words.catalogue import words_in
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.engines.comfyui_double import Double
from tests.observe.prometheus import ROOT, eventually
from tests.observe.receiver import Receiver
from tests.processes import DaemonProcess, freisteller


def away(name: str, text: str = "gone") -> Obstacle:
    """What keeps photos waiting, by its name."""
    return Obstacle(name, Said.again(text), Said.again("Mend it."))


def test_a_short_trouble_is_no_outage() -> None:
    outages = Outages()

    looks = [outages.look({"engine": away("no_engine")} if now < 59 else {}, now, 60.0) for now in range(0, 120, 10)]

    assert looks == [()] * 12


def test_an_outage_is_announced_once_and_so_is_its_end() -> None:
    outages = Outages()

    looks = [
        outages.look({"share": away("root_away", f"away, {now}")} if now < 150 else {}, now, 60.0)
        for now in range(0, 300, 10)
    ]

    assert [change for look in looks for change in look] == [
        OutageChange("share", away("root_away", "away, 60"), 60.0),
        OutageChange("share", None, 150.0),
    ]


def test_two_outages_at_once_are_two() -> None:
    outages = Outages()
    both = outages.look({"engine": away("no_engine"), "disk": away("root_disk_full")}, 0.0, 0.0)

    one = outages.look({"disk": away("root_disk_full")}, 5.0, 0.0)

    assert {change.part for change in both} == {"engine", "disk"}
    assert one == (OutageChange("engine", None, 5.0),)


def test_another_cause_of_the_same_outage_is_announced_once_it_has_lasted() -> None:
    outages = Outages()

    def cause(now: int) -> str:
        return "engine_refuses" if now >= 100 or now == 50 else "no_engine"

    looks = [outages.look({"engine": away(cause(now))}, now, 60.0) for now in range(0, 300, 10)]

    assert [(change.obstacle and change.obstacle.name, change.seconds) for look in looks for change in look] == [
        ("no_engine", 60.0),
        ("engine_refuses", 160.0),
    ]


def test_of_two_full_disks_the_worse_one_is_told_and_what_no_outage_is_is_not() -> None:
    found = [away(name) for name in ("root_disk_full", "state_disk_full", "no_engine", "paused", "back_off")]

    assert missing_parts(found) == {"disk": found[0], "engine": found[2]}


def test_every_obstacle_that_keeps_all_photos_waiting_is_an_outage_of_some_part() -> None:
    assert set(PARTS) >= STOPPING
    assert set(PARTS) <= set(OBSTACLES)


class House:
    """A daemon in this process, with a hook that listens."""

    def __init__(
        self, folder: Path, receiver: Receiver, on: Sequence[str] = EVENTS, contact_sheets: bool = True
    ) -> None:
        self.root = folder / "hot"
        self.engine = ScriptedEngine()
        self.receiver = receiver
        hook = {"name": "ear", "url": receiver.url, "on": list(on)}
        self.daemon = Daemon(
            load(
                flags={
                    "root": str(self.root),
                    "state_dir": str(folder / "state"),
                    "http": {"bind": ""},
                    "intake": {"quiet_seconds": 0.0, "scan_seconds": 0.1, "patience_seconds": 0.3},
                    "notify": {
                        "hooks": [hook],
                        "pause_seconds": 0.5,
                        "batch_seconds": 0.5,
                        "limit_seconds": 20,
                        "contact_sheets": contact_sheets,
                    },
                    "dispatch": {"postpone_seconds": 0.2},
                    "log": {"level": "error"},
                }
            ),
            engine=self.engine,
        )
        self._thread = threading.Thread(target=self.daemon.run)
        self._thread.start()
        # If a folder appears just when we begin to watch its parent, watchdog adds it twice and warns.
        assert eventually(lambda: self.daemon.parts.watcher.hears_events)

    def heard(self, event: str, **facts: object) -> bool:
        """Whether the hook gets such a notice, sooner or later."""
        return eventually(
            lambda: any(
                body["event"] == event and all(body.get(key) == value for key, value in facts.items())
                for body in list(self.receiver.bodies)
            )
        )

    def counted(self, sample: str) -> bool:
        """Whether the metrics say so, sooner or later."""
        return eventually(lambda: sample in self.daemon.parts.metrics.exposition().decode())

    def stop(self) -> None:
        self.daemon.stop()
        self._thread.join(60)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Receiver() as receiver:
        house = House(tmp_path, receiver)
        yield house
        house.stop()


def test_a_batch_is_reported_with_its_figures(house: House) -> None:
    for number in range(3):
        save_photo(house.root / "inbox" / "shoes" / f"{number}.png", seed=number)

    assert house.heard("batch_done", folder="shoes", count=3, failed=0, success_rate=1.0)


def test_failed_photos_share_one_notice(house: House) -> None:
    for number in range(3):
        (house.root / "inbox" / f"{number}.jpg").write_bytes(bytes(2000))

    assert house.heard("failed")
    assert house.heard("batch_done", failed=3)
    assert eventually(lambda: sum(body["count"] for body in house.receiver.bodies if body["event"] == "failed") == 3)
    told = [photo for body in house.receiver.bodies if body["event"] == "failed" for photo in body["photos"]]
    assert {photo["name"] for photo in told} == {"0.jpg", "1.jpg", "2.jpg"}
    assert all(photo["reason"] for photo in told)


def test_a_share_that_goes_and_comes_back_is_reported(house: House) -> None:
    away = house.root.with_name("away")
    assert eventually(lambda: house.daemon.parts.health.latest("root") is not None)
    house.root.rename(away)

    assert house.heard("paused", part="share")
    away.rename(house.root)
    assert house.heard("resumed", part="share")


def test_a_full_disk_is_reported_and_so_is_its_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    full = threading.Event()
    full.set()

    def trouble(_: object) -> None:
        if full.is_set():
            raise NoRoom("The disk is full.")

    house.engine.trouble = trouble
    save_photo(house.root / "inbox" / "a.png")

    assert house.heard("paused", part="disk", reason="The disk is full.")
    full.clear()
    assert house.heard("resumed", part="disk")


NOT_WHOLE = Said("not_whole", name="a.jpg", detail=Said("only_n_bytes", n=7))
EXAMPLES = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "integrating.md").read_text("utf-8"), re.DOTALL)


ONE_PHOTO = PhotoEnd(
    "20261125-100233-5d1f0c2b",
    "shoes/a.jpg",
    "done",
    Grade.GUT,
    0.91,
    "Soft border at the left.",
    3.214,
    ("a.png",),
    public_url="https://photos.example",
    rim=0.8443,
)


def test_each_photo_is_told_to_a_hook_that_asks_for_it(tmp_path: Path) -> None:
    with Receiver() as receiver:
        house = House(tmp_path, receiver, on=["photo_done"])
        settings = house.daemon.parts.settings
        intake = settings.now.intake.model_copy(update={"equal_content": "skip"})
        settings.now = settings.now.model_copy(update={"intake": intake})
        try:
            for count, name in enumerate(("a.png", "b.png"), 1):
                save_photo(house.root / "inbox" / "kunde" / name)
                assert eventually(lambda count=count: len(receiver.bodies) == count)  # type: ignore[misc]
            (house.root / "inbox" / "c.jpg").write_text("This is no photo. " * 9)
            assert eventually(lambda: len(receiver.bodies) == 3)
        finally:
            house.stop()

    first, second, third = map(told, receiver.bodies)
    assert (first["state"], first["name"], first["order"]) == ("done", "kunde/a.png", "kunde")
    assert first["grade"] in {"sehr_gut", "gut", "ungenügend"}
    assert [each["name"] for each in first["results"]] == ["a.png", "a.json"]
    assert first["url"] == f"/api/v1/jobs/{first['job']}"
    assert (second["state"], second["grade"], second["same_as"]) == ("done", None, first["job"])
    assert (third["state"], third["grade"], "not a photo" in third["reason"]) == ("failed", None, True)
    assert [each["failure"] and each["failure"]["code"] for each in (first, second, third)] == [
        None,
        "same_photo",
        "not_a_photo",
    ]


def told(body: dict[str, Any]) -> dict[str, Any]:
    photo: dict[str, Any] = body["photo"]
    return photo


def test_no_hook_gets_single_photos_unless_it_says_so() -> None:
    assert "photo_done" not in HookSettings(name="chat").on


@pytest.mark.parametrize("example", [json.loads(text) for text in EXAMPLES], ids=lambda example: str(example["event"]))
def test_the_document_shows_what_is_sent(example: dict[str, Any]) -> None:
    grades = {Grade.SEHR_GUT: 74, Grade.GUT: 4, Grade.UNGENUEGEND: 1}
    sheet = Path("/srv/freisteller/contact-sheets/shoes.html")
    made = {
        "failed": notices.failed([FailedPhoto("shoes/a.jpg", "1", NOT_WHOLE)], 0.0, words_in("en")),
        "paused": outage_notices.outage_began(
            "engine",
            Obstacle("no_engine", Said("server_unreachable", server="gpu1"), Said("obstacle_no_engine_do")),
            0.0,
            words_in("en"),
        ),
        "resumed": outage_notices.outage_over("engine", 840.0, None, 0.0, words_in("en")),
        "batch_done": notices.batch_done(BatchFigures("shoes", 80, 1, grades, 12, 248.0), 0.0, words_in("en"), sheet),
        "photo_done": notices.photo_done(ONE_PHOTO, 0.0, words_in("en")),
    }[example["event"]]

    sent = json.loads(payload(made, Origin("0.1.0", "studio", "/srv/freisteller")))

    assert list(example) == list(sent)
    assert _shape(example) == _shape(sent)
    if example["event"] == "failed":
        assert sent["photos"][0]["failure"] == example["photos"][0]["failure"]
    else:
        assert {key: sent[key] for key in (*made.facts, "text")} == {key: example[key] for key in (*made.facts, "text")}


def test_notices_are_worded_in_the_language_of_the_settings() -> None:
    german = words_in("de")
    grades = {Grade.SEHR_GUT: 1200, Grade.GUT: 34, Grade.UNGENUEGEND: 0}
    photo = FailedPhoto("a.jpg", "1", Said("held_by_program", name="a.jpg"))

    one = notices.failed([photo], 0.0, german)
    assert one.text == "a.jpg ist gescheitert: a.jpg wird von einem anderen Programm festgehalten."
    assert notices.failed([photo] * 1200, 0.0, german).text.startswith("1.200 Fotos sind gescheitert, als erstes a.jpg")
    assert (
        outage_notices.outage_over("disk", 3900.0, None, 0.0, german).text
        == "Freisteller macht weiter: nach 1 Std. 5 Min. ist wieder Platz."
    )
    done = notices.batch_done(BatchFigures("shoes", 1234, 0, grades, 2, 2468.0), 0.0, german)
    assert done.text == (
        "shoes ist fertig: 1.234 Fotos, 100 % freigestellt, 97 % sehr_gut, 3 % gut; 2 durch ein anderes Rezept besser; "
        "je 2,0 s Arbeit."
    )
    end = replace(ONE_PHOTO, grade=Grade.GUT, score=0.5, reason=Reason("holes", "top", share=0.01))
    sent = notices.photo_done(end, 0.0, german)
    assert sent.text.endswith(": gut 0,50, Rand 0,844")
    assert sent.facts["photo"]["reason"] == "eine Lücke im Motiv oben, 1,0 % des Bildes"  # type: ignore[index]


def _shape(value: object) -> object:
    """Keys and types, without the values."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    return [_shape(inner) for inner in value] if isinstance(value, list) else type(value)


def test_every_event_has_an_example_in_the_document() -> None:
    assert {json.loads(text)["event"] for text in EXAMPLES} == set(EVENTS)


def test_a_notice_says_the_reason_that_status_says_at_that_moment(house: House) -> None:
    parts = house.daemon.parts
    parts.journal.pause(0.0, "anna")
    assert house.counted('freisteller_obstacle{reason="paused"} 1.0')
    away = house.root.with_name("away")
    house.root.rename(away)

    assert house.heard("paused", part="share")
    (told,) = [body for body in house.receiver.bodies if body["event"] == "paused"]
    worst = parts.health.obstacles[0]
    assert (told["obstacle"], told["reason"], told["do"]) == (worst.name, worst.text, worst.do)
    away.rename(house.root)
    assert house.heard("resumed", part="share", obstacle="paused")
    over = next(body for body in house.receiver.bodies if body["event"] == "resumed")
    assert over["text"].endswith("but photos still wait: anna has paused the work; no photo is started.")


def test_a_disk_that_refuses_writes_is_told_by_all_until_they_go_well(house: House) -> None:
    quota = Said("journal_no_room", path="/state/journal.sqlite3", detail="quota")
    house.daemon.parts.refusals.met(NoRoom(quota))

    assert house.heard("paused", part="disk", obstacle="state_disk_full", reason=quota)
    assert [each.name for each in house.daemon.parts.health.obstacles] == ["state_disk_full"]


@pytest.mark.slow
def test_a_real_daemon_reports_an_engine_that_goes_and_comes_back_and_its_log_shows_no_secret(tmp_path: Path) -> None:
    secret = "s3cret-key-77"
    with Receiver() as receiver, Double() as double:
        hooks = [
            {"name": "chat", "url": f"{receiver.url}/{secret}"},
            {"name": "dead", "url": f"http://127.0.0.1:9/{secret}"},
        ]
        settings = {
            "FREISTELLER__NOTIFY__HOOKS": json.dumps(hooks),
            "FREISTELLER__NOTIFY__PAUSE_SECONDS": "0.5",
            "FREISTELLER__NOTIFY__BATCH_SECONDS": "0.5",
            "FREISTELLER__NOTIFY__TRIES": "1",
            "FREISTELLER__LOG__LEVEL": "debug",
            "FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": double.url}]),
            "FREISTELLER__COMFYUI__PROBE_SECONDS": "0.3",
        }

        def told() -> list[str]:
            return [body["event"] for body in list(receiver.bodies)]

        with DaemonProcess(tmp_path, **settings) as daemon:
            daemon.wait_until(lambda: double.worker.sessions.count() > 0, "the engine")
            double.die()
            daemon.wait_until(lambda: "paused" in told(), "the outage to be announced")
            double.revive()
            daemon.wait_until(lambda: "resumed" in told(), "its end to be announced")
            save_photo(tmp_path / "hot" / "inbox" / "shoes" / "a.png")
            daemon.wait_until(lambda: "batch_done" in told(), "the batch to be reported")
            daemon.wait_until(lambda: daemon.says("notification_failed"), "the dead hook to be given up")
            assert daemon.interrupt() == 0

    assert {body["part"] for body in receiver.bodies if body["event"] in ("paused", "resumed")} == {"engine"}
    assert secret.encode() not in (tmp_path / "daemon.log").read_bytes()


@pytest.mark.slow
def test_a_contact_sheet_is_made_whenever_a_folder_is_done(tmp_path: Path) -> None:
    root = tmp_path / "hot"
    sheet = {
        "name": "sheet",
        "command": [sys.executable, "-m", "daemon", "sheet", str(root)],
        "on": ["batch_done"],
        "limit_seconds": 100,
    }
    with Double() as double:
        settings = {
            "FREISTELLER__NOTIFY__HOOKS": json.dumps([sheet]),
            "FREISTELLER__NOTIFY__BATCH_SECONDS": "0.5",
            "FREISTELLER__NOTIFY__LIMIT_SECONDS": "0.01",  # the limit of the hook itself counts
            "FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": double.url}]),
        }
        with DaemonProcess(tmp_path, **settings) as daemon:
            save_photo(root / "inbox" / "shoes" / "a.png")
            daemon.wait_until(lambda: (root / "contact-sheet.png").exists(), "the contact sheet")
            assert daemon.interrupt() == 0

    assert "shoes/a" in (root / "contact-sheet.html").read_text("utf-8")


@pytest.mark.slow
def test_a_single_run_reports_its_batch_before_it_ends(tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "shoes" / "a.png")
    with Receiver() as receiver, Double() as double:
        done = freisteller(
            "run",
            "--once",
            folder=tmp_path,
            FREISTELLER__NOTIFY__HOOKS=json.dumps([{"url": receiver.url}]),
            FREISTELLER__COMFYUI__SERVERS=json.dumps([{"url": double.url}]),
        )

    assert done.returncode == 0, done.stderr
    assert [(body["event"], body["folder"]) for body in receiver.bodies] == [("batch_done", "shoes")]


def test_a_trial_reports_on_each_hook(tmp_path: Path) -> None:
    with Receiver() as receiver:
        hooks = [{"name": "chat", "url": receiver.url}, {"command": ["/bin/false"]}]
        listed = {"FREISTELLER__NOTIFY__HOOKS": json.dumps(hooks)}
        tried = freisteller("notify-test", folder=tmp_path, **listed)
        one = freisteller("notify-test", "--hook", "chat", "--json", folder=tmp_path, **listed)

    assert tried.returncode == 1
    assert "sent    chat" in tried.stdout
    assert "failed  false" in tried.stdout
    assert "code 1" in tried.stdout
    assert one.returncode == 0
    assert [(trial["hook"], trial["told"]) for trial in json.loads(one.stdout)] == [("chat", True)]
    assert [body["event"] for body in receiver.bodies] == ["test", "test"]


def test_a_trial_without_hooks_says_where_they_are_set(tmp_path: Path) -> None:
    done = freisteller("notify-test", folder=tmp_path)

    assert done.returncode == 2
    assert "notify.hooks" in done.stderr
