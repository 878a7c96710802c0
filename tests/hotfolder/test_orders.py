"""Orders in the inbox: which photos each one counts for, and what can be wrong with one."""

import os
import socket
from pathlib import Path

import pytest

from daemon.errors import BadOrder, BadSettings
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.order_names import NAME, OrderNames, order_among
from daemon.hotfolder.orders import NOTE, Orders, WrongOrder
from daemon.settings import Settings, load
from daemon.settings.current import CurrentSettings


class Counter:
    """Orders in a real inbox."""

    def __init__(self, root: Path) -> None:
        self.folders = HotFolder(root)
        self.folders.prepare()
        self.base = load(flags={"root": str(root)})
        self.orders = Orders(self.folders, CurrentSettings(self.base), self.verify)
        self.unfit: tuple[str, ...] = ()

    def verify(self, settings: Settings) -> None:
        if {rung.model for rung in settings.strategy.ladder} & {*self.unfit}:
            raise BadSettings("no such model")

    def order(self, folder: str, text: str | bytes) -> Path:
        path = self.folders.inbox / folder / NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def asked(self, place: str) -> Settings:
        return self.orders.settings_for(Path(place))

    def fault(self, place: str) -> WrongOrder:
        with pytest.raises(WrongOrder) as raised:
            self.asked(place)
        return raised.value


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path / "hot")


def test_without_an_order_the_settings_count(counter: Counter) -> None:
    assert counter.asked("inbox/kunde/a.jpg") is counter.base
    assert counter.asked("inbox/a.jpg") is counter.base
    assert counter.asked("inbox/gone/for/long/a.jpg") is counter.base


def test_an_order_counts_for_its_folder_and_all_below_and_for_no_other(counter: Counter) -> None:
    counter.order("kunde", '[outputs]\nformats = ["tiff"]\n[grading]\nsehr_gut = 0.99\n[strategy]\nmax_attempts = 7')

    for place in ("inbox/kunde/a.jpg", "inbox/kunde/schuhe/rot/a.jpg"):
        found = counter.asked(place)
        assert (found.outputs.formats, found.grading.sehr_gut, found.strategy.max_attempts) == (("tiff",), 0.99, 7)
        assert found.grading.gut == counter.base.grading.gut
    assert counter.asked("inbox/a.jpg") is counter.base
    assert counter.asked("inbox/kunde2/a.jpg") is counter.base


def test_the_nearest_order_wins_key_by_key(counter: Counter) -> None:
    counter.order("", "[grading]\nsehr_gut = 0.95\ngut = 0.5")
    counter.order("kunde/schuhe", "[grading]\ngut = 0.6")

    found = counter.asked("inbox/kunde/schuhe/a.jpg").grading

    assert (found.sehr_gut, found.gut) == (0.95, 0.6)


def test_an_order_is_read_anew_each_time(counter: Counter) -> None:
    path = counter.order("kunde", "[strategy]\nmax_attempts = 7")
    assert counter.asked("inbox/kunde/a.jpg").strategy.max_attempts == 7

    path.write_text("[strategy]\nmax_attempts = 8")

    assert counter.asked("inbox/kunde/a.jpg").strategy.max_attempts == 8


def test_a_byte_order_mark_is_no_fault(counter: Counter) -> None:
    counter.order("kunde", b"\xef\xbb\xbf[strategy]\r\nmax_attempts = 7\r\n")

    assert counter.asked("inbox/kunde/a.jpg").strategy.max_attempts == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[outputs", "not valid TOML"),
        (b"\xff\xfe[\x00", "not valid TOML"),
        ('[outputs]\nformat = ["png"]', "Unknown setting outputs.format: did you mean formats?"),
        ("[outputs]\nformats = []", "Bad setting outputs.formats"),
        ("[grading]\nsehr_gut = 0.1", "must be higher than gut"),
        ("[grading]\nrim_sehr_gut = 0.1", "must not be lower than rim_gut"),
        ("[strategy]\nmax_attempts = 1000", "Bad setting strategy.max_attempts = 1000"),
        (
            "[intake]\nquiet_seconds = 0",
            "Unknown setting intake: allowed are export, grading, judgement, outputs, products, renditions, strategy",
        ),
        ('state_dir = "/"', "Unknown setting state_dir"),
        ("outputs = 3", "Bad setting outputs"),
        ('strategy.ladder = [{ model = "Z" }]', "no such model"),
        ("#" * 70_000, "so it is not an order"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_settings(counter: Counter, text: str | bytes, said: str) -> None:
    counter.unfit = ("Z",)
    counter.order("kunde", text)

    fault = counter.fault("inbox/kunde/schuhe/a.jpg")

    assert fault.way == ("kunde",)
    assert said in fault.fault
    assert str(fault).startswith(f"inbox/kunde/{NAME}: ")


HOSTILE: dict[str, str | bytes] = {
    "brackets": "a = " + "[" * 10_000,
    "table names": "[" * 10_000,
    "inline tables": "a = " + "{a = " * 5_000,
    "dotted keys": "outputs" + ".a" * 30_000 + " = 1",
    "dotted keys of a value": "outputs.formats" + ".a" * 30_000 + " = 1",
    "number of 6,000 digits": f"[strategy]\nmax_attempts = {'9' * 6000}",
    "number of 40 digits": f"[strategy]\nmax_attempts = {'9' * 40}",
    "infinity": "[grading]\nsehr_gut = inf",
    "not a number": "[grading]\nsehr_gut = nan",
    "half a character": 'outputs.formats = ["\\ud800"]',
    "half a character in UTF-8": b'outputs.formats = ["\xed\xa0\x80"]',
    "a NUL": "[outputs]\x00",
    "an escaped NUL": 'outputs.formats = ["\\u0000"]',
    "year 0": "outputs.formats = [0000-01-01]",
    "a value of 60 kB": f'outputs.formats = ["{"x" * 60_000}"]',
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_whatever_an_order_holds_it_is_only_a_wrong_order(counter: Counter, hostile: str) -> None:
    counter.order("kunde", HOSTILE[hostile])

    fault = counter.fault("inbox/kunde/a.jpg")

    assert fault.way == ("kunde",)
    assert 10 < len(fault.fault.encode()) < 2_000  # a person reads it


def test_whatever_stumbles_over_an_order_it_is_a_wrong_order(counter: Counter) -> None:
    counter.order("kunde", "[strategy]\nmax_attempts = 7")

    def stumble(settings: Settings) -> None:
        raise ZeroDivisionError("no model")

    counter.orders = Orders(counter.folders, CurrentSettings(counter.base), stumble)

    assert "ZeroDivisionError" in counter.fault("inbox/kunde/a.jpg").fault


def test_of_two_orders_that_do_not_go_together_the_nearer_one_is_wrong(counter: Counter) -> None:
    counter.order("kunde", "[grading]\nsehr_gut = 0.8")
    counter.order("kunde/schuhe", "[grading]\ngut = 0.9")

    assert counter.fault("inbox/kunde/schuhe/a.jpg").way == ("kunde", "schuhe")
    assert counter.asked("inbox/kunde/a.jpg").grading.sehr_gut == 0.8


def test_no_link_is_followed_to_an_order(counter: Counter, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / NAME).write_text("[strategy]\nmax_attempts = 7")
    (counter.folders.inbox / "kunde").mkdir()
    (counter.folders.inbox / "kunde" / NAME).symlink_to(elsewhere / NAME)
    (counter.folders.inbox / "link").symlink_to(elsewhere)

    assert counter.asked("inbox/kunde/a.jpg") is counter.base
    assert counter.asked("inbox/link/a.jpg") is counter.base


def test_what_is_no_file_is_no_order(counter: Counter) -> None:
    (counter.folders.inbox / "kunde" / NAME).mkdir(parents=True)
    (counter.folders.inbox / "pipe").mkdir()
    os.mkfifo(counter.folders.inbox / "pipe" / NAME)
    (counter.folders.inbox / "socket").mkdir()
    with socket.socket(socket.AF_UNIX) as listener, pytest.MonkeyPatch.context() as patch:
        patch.chdir(counter.folders.inbox / "socket")  # a socket's path may have 107 bytes
        listener.bind(NAME)

    assert counter.asked("inbox/socket/a.jpg") is counter.base
    assert counter.asked("inbox/kunde/a.jpg") is counter.base
    assert counter.asked("inbox/pipe/a.jpg") is counter.base


def test_a_photo_that_does_not_come_from_the_inbox_has_no_order(counter: Counter) -> None:
    (counter.folders.root / "gut" / NAME).write_text("[strategy]\nmax_attempts = 7")

    assert counter.asked("gut/a.jpg") is counter.base


def test_an_order_may_set_the_limits_of_the_rim_and_switch_it_off(counter: Counter) -> None:
    counter.order("kunde", "[grading]\nrim_sehr_gut = 0.97")
    counter.order("other", "[grading]\nrim_sehr_gut = 0\nrim_gut = 0")

    strict, off = (counter.asked(f"inbox/{folder}/a.jpg").grading for folder in ("kunde", "other"))

    assert (strict.rim_sehr_gut, strict.rim_gut) == (0.97, Settings().grading.rim_gut)
    assert (off.rim_sehr_gut, off.rim_gut) == (0, 0)


def with_wall(picture: str) -> str:
    return f'[renditions.shop]\npreset = "ebay"\nbackground = "{picture}"'


def test_an_order_s_background_lies_in_its_own_folder(counter: Counter) -> None:
    counter.order("kunde", with_wall("./.pictures/wall.jpg"))
    wall = counter.folders.inbox / "kunde" / ".pictures" / "wall.jpg"
    wall.parent.mkdir()
    wall.write_bytes(b"")

    assert counter.asked("inbox/kunde/schuhe/a.jpg").renditions["shop"].background == str(wall)


def test_an_order_in_a_folder_below_keeps_the_background_of_the_one_above(counter: Counter) -> None:
    counter.order("kunde", with_wall(".wall.jpg"))
    counter.order("kunde/schuhe", '[renditions.web]\ncanvas = "4:5"')
    wall = counter.folders.inbox / "kunde" / ".wall.jpg"
    wall.write_bytes(b"")

    found = counter.asked("inbox/kunde/schuhe/a.jpg").renditions

    assert (found["shop"].background, found["web"].canvas) == (str(wall), "4:5")


@pytest.mark.parametrize(
    "picture", ["/etc/wall.jpg", "../other/.wall.jpg", ".pictures/../../other/.wall.jpg", "a//b.jpg"]
)
def test_a_background_that_leaves_the_order_s_folder_is_refused(counter: Counter, picture: str) -> None:
    counter.order("other", "")
    (counter.folders.inbox / "other" / ".wall.jpg").write_bytes(b"")
    counter.order("kunde", with_wall(picture))

    assert (
        f"the background of renditions.shop, {picture}, is not in the folder of the order"
        in counter.fault("inbox/kunde/a.jpg").fault
    )


def test_a_background_that_would_be_cut_out_like_a_photo_is_refused(counter: Counter) -> None:
    counter.order("kunde", with_wall("pictures/wall.jpg"))

    assert "would be cut out like any photo" in counter.fault("inbox/kunde/a.jpg").fault


def test_a_background_that_is_no_file_or_behind_a_link_is_refused(counter: Counter, tmp_path: Path) -> None:
    (tmp_path / "wall.jpg").write_bytes(b"")
    for folder in ("missing", "link", "folder-link", "folder", "pipe"):
        counter.order(folder, with_wall(".pictures/wall.jpg"))
    pictures = {folder: counter.folders.inbox / folder / ".pictures" for folder in ("link", "folder", "pipe")}
    for made in pictures.values():
        made.mkdir()
    (pictures["link"] / "wall.jpg").symlink_to(tmp_path / "wall.jpg")
    (pictures["folder"] / "wall.jpg").mkdir()
    os.mkfifo(pictures["pipe"] / "wall.jpg")
    (counter.folders.inbox / "folder-link" / ".pictures").symlink_to(tmp_path)

    for folder in ("missing", "link", "folder-link", "folder", "pipe"):
        assert "is not there, or it is no file" in counter.fault(f"inbox/{folder}/a.jpg").fault, folder


def test_settings_that_came_with_a_photo_may_ask_for_renditions_but_name_no_file(counter: Counter) -> None:
    asked = counter.orders.settings_for(Path("inbox/a.jpg"), '{"renditions": {"shop": {"preset": "ebay"}}}')
    with pytest.raises(BadOrder, match="Settings that come with a photo cannot name one"):
        counter.orders.settings_for(Path("inbox/a.jpg"), '{"renditions": {"shop": {"background": "/srv/secret.jpg"}}}')

    assert asked.renditions["shop"].preset == "ebay"


@pytest.mark.parametrize("renditions", ["3", "[]", '{"a": 3}', '{"a": {"b": []}}', "null"])
def test_renditions_that_are_no_tables_are_only_wrong_settings(counter: Counter, renditions: str) -> None:
    with pytest.raises(BadOrder, match="renditions"):
        counter.orders.settings_for(Path("inbox/a.jpg"), f'{{"renditions": {renditions}}}')


def test_each_background_of_an_order_lies_in_its_own_folder(counter: Counter) -> None:
    order = '[renditions.shop]\nbackgrounds = ["#fff", "{wall}", ["#fff", "#ddd"]]'
    counter.order("kunde", order.format(wall=".pictures/wall.jpg"))
    counter.order("other", order.format(wall="../kunde/.pictures/wall.jpg"))
    wall = counter.folders.inbox / "kunde" / ".pictures" / "wall.jpg"
    wall.parent.mkdir()
    wall.write_bytes(b"")

    shop = counter.asked("inbox/kunde/a.jpg").renditions["shop"]

    assert shop.backgrounds == {"white": "#fff", "wall": str(wall), "ffffff-dddddd": ("#fff", "#ddd")}
    assert "is not in the folder of the order" in counter.fault("inbox/other/a.jpg").fault
    with pytest.raises(BadOrder, match="secret"):
        counter.orders.settings_for(
            Path("inbox/a.jpg"), '{"renditions": {"shop": {"backgrounds": ["#fff", "/srv/secret.jpg"]}}}'
        )


SEVEN = "[strategy]\nmax_attempts = 7"


def called(counter: Counter, *names: str, text: str = SEVEN) -> Path:
    folder = counter.folders.inbox / "kunde"
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    "name",
    ["Freisteller.toml", "FREISTELLER.TOML", " freisteller.toml", "freisteller.toml ", "\u00a0Freisteller.Toml\n"],
)
def test_an_order_in_capitals_or_with_blanks_around_is_read(counter: Counter, name: str) -> None:
    called(counter, name)

    assert counter.asked("inbox/kunde/schuhe/a.jpg").strategy.max_attempts == 7
    assert len(counter.orders.file_ids(Path("inbox/kunde/a.jpg"))) == 1


def test_what_is_wrong_in_such_an_order_is_said_of_the_file_as_it_lies_there(counter: Counter) -> None:
    called(counter, "Freisteller.toml", text="[outputs")

    assert str(counter.fault("inbox/kunde/a.jpg")).startswith("inbox/kunde/Freisteller.toml: not valid TOML")


@pytest.mark.parametrize(
    "name",
    [
        "freisteller.toml.txt",
        "Freisteller.toml.TXT ",
        "freisteller.toml.toml",
        "freisteller (1).toml",
        "freisteller(12).toml",
        "freisteller 2.toml",
        "freisteller - Copy.toml",
        "freisteller - Kopie (2).toml",
        "freisteller (Kopie).toml",
        "Kopie von freisteller.toml",
        "freisteller copy.toml.txt",
        "freisteller .toml",
    ],
)
def test_a_file_that_may_be_meant_as_an_order_is_refused_by_its_name(counter: Counter, name: str) -> None:
    folder = called(counter, name)

    alone = counter.fault("inbox/kunde/a.jpg")
    (folder / NAME).write_text(SEVEN)
    beside = counter.fault("inbox/kunde/a.jpg")

    assert alone.misnamed
    assert f'it is called "{name}"' in alone.fault
    assert f'("freisteller.toml", "{name}")' in beside.fault


@pytest.mark.parametrize(
    "name",
    [
        NOTE,
        "freisteller.toml-error (1).txt",
        "freisteller.toml~",
        ".freisteller.toml",
        "._freisteller.toml",
        ".freisteller.toml.swp",
        "freisteller.toml.bak",
        "freisteller.toml.tmp",
        "freisteller-left-alone.txt",
        "freisteller old.toml",
        "my freisteller.toml",
        "freisteller.txt",
    ],
)
def test_what_is_no_order_is_not_taken_for_one(counter: Counter, name: str) -> None:
    called(counter, name)

    assert counter.asked("inbox/kunde/a.jpg") is counter.base


def test_of_several_orders_none_is_followed(counter: Counter) -> None:
    folder = called(counter, "Freisteller.toml", "FREISTELLER.toml")

    assert '("FREISTELLER.toml", "Freisteller.toml")' in counter.fault("inbox/kunde/a.jpg").fault

    (folder / "FREISTELLER.toml").rename(folder / NAME)
    assert '("freisteller.toml", "Freisteller.toml")' in counter.fault("inbox/kunde/a.jpg").fault

    (folder / "Freisteller.toml").unlink()
    assert counter.asked("inbox/kunde/a.jpg").strategy.max_attempts == 7


def test_only_a_regular_file_is_an_order_by_another_name(counter: Counter, tmp_path: Path) -> None:
    folder = counter.folders.inbox / "kunde"
    (folder / "Freisteller.toml").mkdir(parents=True)
    (tmp_path / "order").write_text(SEVEN)
    (folder / "freisteller.toml.txt").symlink_to(tmp_path / "order")
    (folder / NAME).symlink_to(tmp_path / "order")
    (folder / "FREISTELLER.TOML").write_text("[strategy]\nmax_attempts = 8")

    assert counter.asked("inbox/kunde/a.jpg").strategy.max_attempts == 8


def test_a_disk_that_takes_capitals_for_small_letters_has_one_order() -> None:
    assert order_among(["Freisteller.toml"], found=True) == NAME
    assert order_among(["freisteller.toml "], found=True) == NAME
    with pytest.raises(BadSettings, match="several files"):
        order_among([" freisteller.toml"], found=True)


def test_an_order_that_is_renamed_while_it_is_looked_for_is_found(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = called(counter, "Freisteller.toml")
    within = OrderNames.within

    def renamed(names: OrderNames, descriptor: int, anew: bool = False) -> tuple[str, ...]:
        found = within(names, descriptor, anew)
        if (folder / "Freisteller.toml").exists():
            (folder / "Freisteller.toml").rename(folder / "FREISTELLER.TOML")
        return found

    monkeypatch.setattr(OrderNames, "within", renamed)

    assert counter.asked("inbox/kunde/a.jpg").strategy.max_attempts == 7


def test_a_folder_is_not_listed_for_each_of_its_photos_but_once_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, now = list[int](), 0.0
    real = os.listdir

    def counted(folder: int) -> list[str]:
        listed.append(folder)
        return real(folder)

    monkeypatch.setattr(os, "listdir", counted)
    names = OrderNames(lambda: now)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        names.within(folder)
        now = 2.0  # a change within the steps of the disk's clock would not show
        names.within(folder)
        now = 4.0
        for _ in range(100):
            assert names.within(folder) == ()
        assert len(listed) == 3

        (tmp_path / "Freisteller.toml").touch()
        assert names.within(folder) == ("Freisteller.toml",)
        now = 8.0
        names.within(folder)
        now = 30.0  # a disk may never change the times of its folders
        names.within(folder)
        assert len(listed) == 6
    finally:
        os.close(folder)


def test_what_was_kept_of_orders_counts_whatever_becomes_of_them(counter: Counter) -> None:
    counter.order("", "[grading]\nsehr_gut = 0.95\ngut = 0.5")
    counter.order("kunde", "[grading]\ngut = 0.6\n[renditions.shop]\npreset = 'ebay'")
    taken_by = counter.orders.in_force(Path("inbox/kunde/a.jpg"))
    (counter.folders.inbox / "kunde").rename(counter.folders.inbox / "kunde done")
    counter.order("", "[outputs")

    found = counter.orders.settings_for(Path("inbox/kunde/a.jpg"), '{"grading": {"gut": 0.7}}', taken_by)

    assert (found.grading.sehr_gut, found.grading.gut, found.renditions["shop"].preset) == (0.95, 0.7, "ebay")


def test_a_photo_that_was_taken_without_an_order_gets_none_later(counter: Counter) -> None:
    taken_by = counter.orders.in_force(Path("inbox/kunde/a.jpg"))
    counter.order("kunde", SEVEN)

    found = counter.orders.settings_for(Path("inbox/kunde/a.jpg"), taken_by=taken_by)

    assert found.strategy.max_attempts == counter.base.strategy.max_attempts


def test_what_was_kept_of_orders_leaves_all_else_to_the_settings_of_today(counter: Counter) -> None:
    counter.order("kunde", "[grading]\ngut = 0.6")
    taken_by = counter.orders.in_force(Path("inbox/kunde/a.jpg"))
    now = load(
        flags={"root": str(counter.folders.root), "grading": {"sehr_gut": 0.99}, "strategy": {"max_attempts": 7}}
    )

    found = Orders(counter.folders, CurrentSettings(now), counter.verify).settings_for(
        Path("inbox/kunde/a.jpg"), taken_by=taken_by
    )

    assert (found.grading.gut, found.grading.sehr_gut, found.strategy.max_attempts) == (0.6, 0.99, 7)


@pytest.mark.parametrize("key", ["background = '{}'", "backgrounds = ['#fff', '{}', ['#fff', '#ddd']]"])
def test_the_pictures_of_a_kept_order_are_looked_for_once_more(counter: Counter, key: str) -> None:
    counter.order("kunde", f"[renditions.shop]\npreset = 'ebay'\n{key.format('.pictures/wall.jpg')}")
    counter.order("kunde/schuhe", "[renditions.web]\ncanvas = '4:5'")
    wall = counter.folders.inbox / "kunde" / ".pictures" / "wall.jpg"
    wall.parent.mkdir()
    wall.write_bytes(b"")
    source = Path("inbox/kunde/schuhe/a.jpg")
    before, taken_by = counter.asked(str(source)), counter.orders.in_force(source)

    assert counter.orders.settings_for(source, taken_by=taken_by) == before

    (counter.folders.inbox / "kunde" / NAME).unlink()
    (counter.folders.inbox / "kunde" / "schuhe" / NAME).unlink()
    wall.unlink()
    wall.symlink_to("/etc/passwd")
    with pytest.raises(BadOrder, match=r"wall\.jpg, is not there"):
        counter.orders.settings_for(source, taken_by=taken_by)


@pytest.mark.parametrize(
    "taken_by", ["3", "[", "[]", '{"outputs": {"formats": []}}', '{"strategy": {"ladder": [{"model": "Z"}]}}']
)
def test_an_order_that_cannot_be_followed_any_more_is_told_until_there_is_a_right_one(
    counter: Counter, taken_by: str
) -> None:
    counter.unfit = ("Z",)
    with pytest.raises(BadOrder, match="by which this photo was taken"):
        counter.orders.settings_for(Path("inbox/kunde/a.jpg"), taken_by=taken_by)

    counter.order("kunde", SEVEN)

    assert counter.orders.settings_for(Path("inbox/kunde/a.jpg"), taken_by=taken_by).strategy.max_attempts == 7


def test_a_kept_order_names_no_picture_outside_of_the_hot_folder(counter: Counter, tmp_path: Path) -> None:
    (tmp_path / "wall.jpg").write_bytes(b"")
    kept = f'{{"renditions": {{"shop": {{"background": "{tmp_path}/wall.jpg"}}}}}}'

    with pytest.raises(BadOrder, match="is not there"):
        counter.orders.settings_for(Path("inbox/a.jpg"), taken_by=kept)
