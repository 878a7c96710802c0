"""The notice of a finished folder names its contact sheet, and nothing waits for a sheet."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Grade
from daemon.notify import batch_sheets
from daemon.notify.batch_sheets import FOLDER, BatchSheets
from daemon.notify.notices import BatchFigures
from daemon.settings import load
from daemon.settings.current import CurrentSettings
from tests.contact_sheet.test_sheet import put_result
from tests.drawing import save_photo
from tests.notify.test_notifications import House
from tests.observe.receiver import Receiver

SETTINGS = CurrentSettings(load())


@pytest.fixture
def hot(tmp_path: Path) -> HotFolder:
    folders = HotFolder(tmp_path / "hot")
    folders.prepare()
    return folders


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Receiver() as receiver:
        house = House(tmp_path, receiver)
        yield house
        house.stop()


def figures(*places: str, folder: str = "shoes", photos: int = 1) -> BatchFigures:
    return BatchFigures(folder, photos, 0, dict.fromkeys(Grade, 0), 0, 1.0, places)


def requested(sheets: BatchSheets, batch: BatchFigures) -> Path | None:
    """Request one sheet, and wait for the answer."""
    answers: list[Path | None] = []
    heard = threading.Event()

    def on_made(sheet: Path | None) -> None:
        answers.append(sheet)
        heard.set()

    sheets.make(batch, on_made)
    assert heard.wait(60)
    sheets.close()
    assert len(answers) == 1  # only once, even after it is closed
    return answers[0]


def result(hot: HotFolder, name: str) -> str:
    put_result(hot.grade(Grade.GUT), hot.archive, name)
    return f"gut/{Path(name).with_suffix('.json')}"


def test_the_notice_names_a_page_with_the_photos_of_that_folder_and_no_others(house: House) -> None:
    save_photo(house.root / "inbox" / "hats" / "hat.png", seed=9)
    assert house.heard("batch_done", folder="hats")
    save_photo(house.root / "inbox" / "shoes" / "a.png", seed=1)
    (house.root / "inbox" / "shoes" / "broken.jpg").write_bytes(bytes(2000))

    assert house.heard("batch_done", folder="shoes", count=2)

    told = next(body for body in house.receiver.bodies if body.get("folder") == "shoes")
    page = Path(told["contact_sheet"])
    assert page == house.root / FOLDER / "shoes.html"
    assert told["text"].endswith(f"Contact sheet: {FOLDER}/shoes.html")
    html = page.read_text("utf-8")
    assert html.count("<article") == 2
    assert html.index("shoes/broken.jpg") < html.index("shoes/a.png")  # the worst first
    assert page.with_suffix(".png").stat().st_size > 1000


def test_nothing_waits_for_a_sheet_that_hangs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(batch_sheets, "make_sheet", lambda *_, **__: released.wait(120))
    monkeypatch.setattr(batch_sheets, "CLOSE_SECONDS", 0.5)
    monkeypatch.setattr(BatchSheets.close, "__defaults__", (0.5,))
    save_photo(house.root / "inbox" / "shoes" / "a.png")
    (house.root / "inbox" / "hats").mkdir()

    try:
        (house.root / "inbox" / "hats" / "later.jpg").write_bytes(bytes(2000))
        assert house.heard("failed")
        house.stop()
    finally:
        released.set()

    assert house.heard("batch_done", folder="shoes", contact_sheet="")  # sent at the end, without a sheet


def test_without_a_listener_no_sheet_is_made(tmp_path: Path) -> None:
    with Receiver() as receiver:
        house = House(tmp_path, receiver, on=["failed"])
        try:
            save_photo(house.root / "inbox" / "shoes" / "a.png")
            (house.root / "inbox" / "shoes" / "b.jpg").write_bytes(bytes(2000))
            assert house.heard("failed")
            assert house.counted("freisteller_batches_done_total 1.0")
        finally:
            house.stop()

    assert not (house.root / FOLDER).exists()


def test_with_sheets_off_the_notice_has_none(tmp_path: Path) -> None:
    with Receiver() as receiver:
        house = House(tmp_path, receiver, contact_sheets=False)
        try:
            save_photo(house.root / "inbox" / "shoes" / "a.png")
            assert house.heard("batch_done", contact_sheet="")
        finally:
            house.stop()

    assert not (house.root / FOLDER).exists()


def test_a_sheet_that_takes_too_long_is_given_up_and_leaves_nothing(hot: HotFolder) -> None:
    place = result(hot, "a.png")

    assert requested(BatchSheets(hot, SETTINGS, longest_seconds=-1.0), figures(place)) is None
    assert not (hot.root / FOLDER).exists()


def test_a_new_sheet_of_a_folder_replaces_the_old_one(hot: HotFolder) -> None:
    before = requested(BatchSheets(hot, SETTINGS), figures(result(hot, "before.png")))
    after = requested(BatchSheets(hot, SETTINGS), figures(result(hot, "after.png")))

    assert before == after
    assert after is not None
    assert "after.png" in after.read_text("utf-8")
    assert "before.png" not in after.read_text("utf-8")
    assert sorted(path.name for path in (hot.root / FOLDER).iterdir()) == ["shoes.html", "shoes.png"]


def test_the_page_of_a_big_batch_says_that_it_shows_the_worst(hot: HotFolder) -> None:
    page = requested(BatchSheets(hot, SETTINGS), figures(result(hot, "a.png"), photos=5000))

    assert page is not None
    assert "the 1 worst of 5,000" in page.read_text("utf-8")


def test_nothing_is_written_below_an_empty_mount_point(hot: HotFolder) -> None:
    place = result(hot, "a.png")
    hot.root.rename(hot.root.with_name("away"))
    hot.root.mkdir()

    assert requested(BatchSheets(hot, SETTINGS), figures(place)) is None
    assert list(hot.root.iterdir()) == []


@pytest.mark.parametrize("laid", [FOLDER, f"{FOLDER}/.shoes.html.part"])
def test_a_link_in_place_of_the_sheet_is_not_followed(laid: str, hot: HotFolder, tmp_path: Path) -> None:
    place = result(hot, "a.png")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = elsewhere if laid == FOLDER else elsewhere / "precious"
    (hot.root / laid).parent.mkdir(exist_ok=True)
    (hot.root / laid).symlink_to(target)

    requested(BatchSheets(hot, SETTINGS), figures(place))

    assert list(elsewhere.iterdir()) == []


def test_a_folder_of_the_longest_name_has_a_sheet_too(hot: HotFolder) -> None:
    page = requested(BatchSheets(hot, SETTINGS), figures(result(hot, "a.png"), folder="ü" * 127))

    assert page is not None
    assert page.is_file()
