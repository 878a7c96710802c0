"""The daemon sends orders to shops by itself: when they are done, and when a result of them changes."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.errors import RootAway, Said
from daemon.hotfolder.root_condition import RootCondition
from daemon.journal import Journal
from daemon.journal.due_orders import DueOrder, DueOrders
from daemon.people.deeds import DeedKind
from daemon.service.sending_process import send_in_process
from daemon.service.shop_sending import ShopSending
from daemon.settings.current import CurrentSettings
from daemon.shops.when_due import SendingEnd
from tests.doubles import Clock
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.exports.orders import result_of
from tests.people.places import in_another_grade
from tests.people.test_deeds import Studio
from tests.processes import DaemonProcess, freisteller
from tests.shops.shop_server import Told
from tests.shops.shopify_double import TOKEN, ShopifyDouble
from tests.test_crash_at_every_step import settings_for
from tests.web.light_table import LightTable, light_table

SHOP = {"kind": "shopify", "address": "https://a.myshopify.com", "rendition": "web", "send": "when_done"}
WHOLE, AWAY = SendingEnd(0, "mine: 1 picture: 1 new"), SendingEnd(75, why="away", later=True)
STUCK = SendingEnd(1, why="hat main: no such SKU")


class House:
    """An order that is done in a hot folder, and what is sent of it."""

    def __init__(self, folder: Path, **shop: str) -> None:
        self.settings = settings_for(folder, shops={"mine": {**SHOP, **shop}})
        self.studio = Studio(folder)  # its own daemon sends nothing
        self.journal = self.studio.daemon.parts.journal
        self.root, self.clock, self.stop = RootCondition(), Clock(), threading.Event()
        self.sent: list[tuple[str, str]] = []
        self.ends: list[SendingEnd | None] = []
        self.start()

    def start(self) -> None:
        folders = self.studio.daemon.parts.folders
        current = CurrentSettings(self.settings)
        self.sending = ShopSending(self.journal, folders, self.root, current, self.clock, self.send)

    def send(self, shop: str, order: str, flags: Sequence[str], stop: threading.Event) -> SendingEnd | None:
        self.sent.append((shop, order))
        return self.ends.pop(0) if self.ends else WHOLE

    def grade(self) -> None:
        self.studio.deeds.act(DeedKind.GRADE, self.studio.job_id, "eva", {"grade": self.studio.other})

    def turn(self, seconds: float = 31.0) -> None:
        """Note what changed, let time go by, and look again."""
        self.sending.turn(self.stop)
        self.clock.advance(seconds)
        self.sending.turn(self.stop)

    @property
    def due(self) -> tuple[DueOrder, ...]:
        return DueOrders(self.journal.facts).all()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.studio.daemon.close()


def test_what_was_done_before_is_not_sent(house: House) -> None:
    house.turn()

    assert (house.sent, house.due) == ([], ())


def test_another_verdict_is_sent_once_when_it_is_quiet(house: House) -> None:
    house.grade()
    house.turn(29.0)
    before = list(house.sent)
    house.turn()
    house.turn()

    assert before == []
    assert house.sent == [("mine", "kunde")]
    assert house.due == ()


def test_a_change_is_not_forgotten_over_a_crash(house: House) -> None:
    house.grade()
    house.start()
    house.sending.turn(house.stop)
    house.start()
    house.clock.advance(31.0)
    house.sending.turn(house.stop)

    assert house.sent == [("mine", "kunde")]


def test_a_try_that_a_stop_ended_is_due_as_before(house: House) -> None:
    house.ends = [None]
    house.grade()
    house.turn()

    assert [each.tries for each in house.due] == [0]


def test_an_order_whose_photos_are_not_done_waits(house: House) -> None:
    save_photo(house.studio.root / "inbox" / "kunde" / "late.png", seed=9)
    house.grade()
    house.turn()

    assert house.sent == []
    assert len(house.due) == 1


def test_an_order_with_a_photo_that_waits_in_the_journal_waits(house: House) -> None:
    house.journal.admit("f" * 32, "kunde/z.png", Path("inbox/kunde/z.png"), 1, 1.0)
    house.grade()
    house.turn()

    assert house.sent == []


def test_nothing_is_sent_while_a_person_pauses_the_work(house: House) -> None:
    house.journal.pause(1.0, "eva")
    house.grade()
    house.turn()
    while_paused = list(house.sent)
    house.journal.resume()
    house.turn()

    assert (while_paused, house.sent) == ([], [("mine", "kunde")])


def test_nothing_is_sent_while_the_hot_folder_is_away(house: House) -> None:
    house.root.record(RootAway(Said("root_away", path="/hot")))
    house.grade()
    house.turn()

    assert house.sent == []


def test_a_shop_that_is_away_is_asked_again_later(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.ends = [AWAY]
    house.grade()
    house.turn()
    (postponed,) = house.due
    house.turn(59.0)
    meanwhile = list(house.sent)
    house.turn(1.0)

    assert (postponed.tries, postponed.why, postponed.person) == (1, "away", False)
    assert postponed.at == pytest.approx(house.clock.now)
    assert (len(meanwhile), len(house.sent)) == (1, 2)
    assert [record.__dict__["action"] for record in caplog.records][:1] == ["shop_postponed"]


def test_what_a_person_should_look_at_is_told_once_and_waits_for_a_change(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.ends = [STUCK]
    house.grade()
    house.turn()
    house.turn(1e6)
    told = [record.getMessage() for record in caplog.records if record.__dict__["action"].startswith("shop_")]

    assert len(house.sent) == 1
    assert told == [
        "Somebody should look at kunde for mine: hat main: no such SKU. "
        "Then send it with: freisteller shops send kunde --shop mine"
    ]


def test_a_shop_that_people_send_to_gets_nothing_by_itself(tmp_path: Path) -> None:
    house = House(tmp_path, send="by_command")

    assert house.sending.shops == ()
    assert house.journal.facts.known("shop_events_read") is None
    house.studio.daemon.close()


def test_a_stop_ends_the_process_that_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = tmp_path / "daemon.py"
    asleep.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    stop = threading.Event()
    stop.set()

    assert send_in_process("mine", "kunde", (), stop) is None
    late = send_in_process("mine", "kunde", (), threading.Event(), limit_seconds=0.3)
    assert late is not None
    assert (late.code, late.later) == (None, True)


def test_a_daemon_that_sends_loads_no_shop() -> None:
    asked = "import sys, daemon.service.lifecycle; print([name for name in sys.modules if 'http_door' in name])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)

    assert told.stdout == "[]\n"


# The real daemon


def settings_of(double: ShopifyDouble, engine: Double, **more: str) -> dict[str, str]:
    shop = {"kind": "shopify", "address": double.url, "rendition": "web", "token": TOKEN, "send": "when_done"}
    web = {"canvas": "64x64", "format": "png", "enlarge": True}
    return {
        "FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": engine.url}]),
        "FREISTELLER__SHOPS": json.dumps({"mine": shop}),
        "FREISTELLER__RENDITIONS": json.dumps({"web": web}),
        "FREISTELLER__PRODUCTS": json.dumps({"pattern": "{sku}_{position}"}),
        "FREISTELLER__NOTIFY__BATCH_SECONDS": "0.5",
        **more,
    }


@contextmanager
def shop_and_engine() -> Iterator[tuple[ShopifyDouble, Double]]:
    with ShopifyDouble() as double, Double() as engine:
        double.polls = 1
        yield double, engine


def drop(folder: Path, name: str, seed: int) -> None:
    save_photo(folder / "hot" / "inbox" / "kunde" / name, drawn_photo(240, 180, seed))


def picture(folder: Path, stem: str) -> bytes:
    return result_of(folder / "hot", f"{stem}_for-web.png").read_bytes()


def times_sent(folder: Path) -> int:
    return (folder / "daemon.log").read_text("utf-8", "replace").count('"shop_sent"')


def let_time_go_by(folder: Path) -> None:
    """What is due later is due now."""
    (path,) = folder.rglob("journal.sqlite3")
    with closing(Journal(path)) as journal:
        due = DueOrders(journal.facts)
        for each in due.all():
            due.record(DueOrder(each.shop, each.order, 0.0 if each.at is None else each.at - 86400.0))


@pytest.mark.slow
def test_an_order_that_is_done_stands_in_the_shop_and_a_corrected_photo_takes_its_place(tmp_path: Path) -> None:
    with shop_and_engine() as (double, engine), DaemonProcess(tmp_path, **settings_of(double, engine)) as daemon:
        product = double.add_product("shoe")
        drop(tmp_path, "shoe_1.png", 1)
        drop(tmp_path, "shoe_2.png", 2)
        daemon.wait_until(lambda: len(product.media) == 2 and times_sent(tmp_path) == 1, "both pictures")
        first = double.shown(product)
        assert first == [picture(tmp_path, "shoe_1"), picture(tmp_path, "shoe_2")]

        drop(tmp_path, "shoe_1.png", 7)
        daemon.wait_until(lambda: times_sent(tmp_path) == 2, "the corrected one")
        second = double.shown(product)
        assert daemon.interrupt() == 0

    assert (second[0] != first[0], second[1:]) == (True, first[1:])
    assert len(double.files) == 2
    assert TOKEN.encode() not in (tmp_path / "daemon.log").read_bytes()


@pytest.mark.slow
def test_a_touch_up_and_a_retry_bring_their_pictures(tmp_path: Path) -> None:
    with shop_and_engine() as (double, engine), light_table(tmp_path, 0, **settings_of(double, engine)) as table:
        product = double.add_product("shoe")
        drop(tmp_path, "shoe_1.png", 1)
        table.daemon.wait_until(lambda: times_sent(tmp_path) == 1, "the picture")
        shown = [double.shown(product)]
        (job,) = table.jobs("kunde")

        alpha = np.zeros((180, 240), np.uint8)
        alpha[60:120, 80:160] = 255
        touch_up(table, job["id"], alpha)
        table.daemon.wait_until(lambda: times_sent(tmp_path) == 2, "the picture that a person touched up")
        shown.append(double.shown(product))

        table.ask(f"/api/v1/jobs/{job['id']}/retry", {})
        table.daemon.wait_until(lambda: times_sent(tmp_path) == 3, "the picture of the retry")
        shown.append(double.shown(product))
        at_last = picture(tmp_path, "shoe_1")

    assert [len(pictures) for pictures in shown] == [1, 1, 1]
    assert shown[0] != shown[1] != shown[2] == [at_last]


def touch_up(table: LightTable, job: int, alpha: NDArray[np.uint8]) -> None:
    headers = {"Content-Type": "image/png", "Sec-Fetch-Site": "same-origin"}
    content = cv2.imencode(".png", alpha)[1].tobytes()
    request = urllib.request.Request(f"{table.base}/api/v1/jobs/{job}/touch-up", content, headers)
    urllib.request.urlopen(request, timeout=60).close()


@pytest.mark.slow
def test_a_moved_verdict_brings_its_picture(tmp_path: Path) -> None:
    with shop_and_engine() as (double, engine):
        web = {"canvas": "64x64", "format": "png", "enlarge": True, "grades": ["gut"]}
        bad = json.dumps({"sehr_gut": 0.9999, "gut": 0.9998})
        more = {"FREISTELLER__RENDITIONS": json.dumps({"web": web}), "FREISTELLER__GRADING": bad}
        with DaemonProcess(tmp_path, **settings_of(double, engine, **more)) as daemon:
            product = double.add_product("shoe")
            drop(tmp_path, "shoe_1.png", 1)
            daemon.wait_until(
                lambda: '"shop_' in (tmp_path / "daemon.log").read_text("utf-8", "replace"), "the first try"
            )
            nothing = list(product.media)
            place = result_of(tmp_path / "hot", "shoe_1.png")
            place.rename(in_another_grade(tmp_path / "hot", place))
            daemon.wait_until(lambda: len(product.media) == 1, "the picture of the better grade")
            shown = double.shown(product)

    assert nothing == []
    assert shown == [picture(tmp_path, "shoe_1")]


@pytest.mark.slow
def test_a_shop_that_is_away_gets_its_pictures_when_it_is_back(tmp_path: Path) -> None:
    with shop_and_engine() as (double, engine):
        settings = settings_of(double, engine)
        double.instead("POST", "", Told.page(503, "Down"), times=1000)
        with DaemonProcess(tmp_path, **settings) as daemon:
            product = double.add_product("shoe")
            drop(tmp_path, "shoe_1.png", 1)
            daemon.wait_until(lambda: daemon.says('"shop_postponed"'), "the try that fails")
            told = freisteller("shops", "status", folder=tmp_path, **settings).stdout
            double.faults.clear()
            let_time_go_by(tmp_path)
            daemon.wait_until(lambda: times_sent(tmp_path) == 1, "the order to be sent")

    assert "  kunde: tried again at " in told
    assert len(double.shown(product)) == 1


def children_that_send(pid: int) -> list[int]:
    """The processes of this daemon that send to shops."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            of = status.parent
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"shops" in (of / "cmdline").read_bytes().split(b"\0"):
                found.append(int(of.name))
    return found


@pytest.mark.slow
def test_a_kill_while_it_sends_makes_no_double(tmp_path: Path) -> None:
    with shop_and_engine() as (double, engine):
        settings, product = settings_of(double, engine), double.add_product("shoe")
        with DaemonProcess(tmp_path, **settings) as daemon:
            for number in (1, 2, 3):
                drop(tmp_path, f"shoe_{number}.png", number)
            daemon.wait_until(lambda: bool(double.mutations), "the first change in the shop")
            sending = children_that_send(daemon.pid)
            daemon.kill()
            for pid in sending:
                os.kill(pid, signal.SIGKILL)
        before = times_sent(tmp_path)
        with DaemonProcess(tmp_path, **settings) as daemon:
            daemon.wait_until(lambda: times_sent(tmp_path) == 1, "the order to be sent")
            shown = double.shown(product)

    assert (len(sending), before) == (1, 0)
    assert shown == [picture(tmp_path, f"shoe_{number}") for number in (1, 2, 3)]
    assert len(double.files) == 3
