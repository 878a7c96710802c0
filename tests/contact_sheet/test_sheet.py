"""Contact sheets show the right results in the right order, and every name on them is nothing but text."""

import json
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.arrays import Rgb
from daemon.contact_sheet.build_sheet import AT_ONCE, PNG_PHOTOS, THUMB, columns_for, look_at, make_sheet
from daemon.contact_sheet.shown_results import Shown, find
from daemon.errors import BadSettings
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Attempt, Grade, Job, Measures, Outcome, Reason, Recipe, Verdict
from daemon.pictures import thumbs, writing
from daemon.pictures.reading import open_photo, open_small
from daemon.pictures.values import ONLY_PAGE
from daemon.publishing.notes import failure_note
from daemon.publishing.reports import Cut, report
from daemon.publishing.staging import content_of
from daemon.publishing.told_renditions import rendition_values
from daemon.renditions.wanted import Canvas, Encoding, MadeRendition, Proved, Rendition
from daemon.service.lifecycle import Daemon
from daemon.settings import OutputFormat, load
from daemon.words.catalogue import words_in
from tests.doubles import ScriptedEngine, by_colour
from tests.drawing import drawn_photo, save_pages, save_photo
from tests.processes import freisteller

SCORES = {Grade.SEHR_GUT: 0.95, Grade.GUT: 0.8, Grade.UNGENUEGEND: 0.4}


@pytest.fixture
def hot(tmp_path: Path) -> HotFolder:
    folders = HotFolder(tmp_path / "hot")
    folders.prepare()
    return folders


def put_result(
    folder: Path, archive: Path, name: str, grade: Grade = Grade.GUT, seed: int = 0, fmt: OutputFormat = "png"
) -> Path:
    """Write a result and its archived original as the daemon does. Returns the path of its files without suffixes."""
    rgb = drawn_photo(64, 48, seed)
    original = save_photo(archive / name, rgb)
    place = folder / Path(name).with_suffix("")
    place.parent.mkdir(parents=True, exist_ok=True)
    alpha = (by_colour(rgb) * 255).astype(np.uint8)
    photo = open_photo(original, 10)
    suffix = writing.suffix_of(fmt)
    identity = f"job-{name}-{seed}"
    result = place.with_name(place.name + suffix)
    writing.write(result, np.dstack([rgb, alpha]), photo, fmt, identity)
    verdict = Verdict(SCORES[grade], grade, Measures(0.5, 0.5, 0.5), ("its <i>edges</i>",))
    outcome = Outcome((), Attempt(1, Recipe("u2netp"), verdict=verdict))
    job = Job(identity, name, size_bytes=original.stat().st_size)
    cut = Cut(ONLY_PAGE, outcome, photo.seen, (photo.width, photo.height))
    place.with_name(place.name + ".json").write_bytes(
        report(job, [cut], "0" * 64, {suffix: content_of(result).hex()}, 1.0, words_in("en"))
    )
    return place


def names(folder: Path) -> list[str]:
    return [shown.name for shown in find(folder).shown]


def sheet_of(shown: tuple[Shown, ...], target: Path) -> tuple[Path, str]:
    png, html = make_sheet(shown, target, "a title", words=words_in("en"), max_megapixels=10, threads=2)
    return png, html.read_text("utf-8")


def test_failures_come_first_and_then_the_lowest_scores(hot: HotFolder) -> None:
    for grade in Grade:
        put_result(hot.grade(grade), hot.archive, f"{grade.label}.png", grade)
    save_photo(hot.failed / "b" / "broken.png")
    (hot.failed / "b" / "broken.png.txt").write_bytes(
        failure_note("b/broken.png", "1", "No recipe worked.", words_in("en"))
    )

    found = find(hot.root).shown

    assert [shown.name for shown in found] == ["b/broken.png", "ungenuegend.png", "gut.png", "sehr_gut.png"]
    assert found[0].reasons == ("No recipe worked.",)


def test_a_part_of_a_hot_folder_is_shown_alone_and_finds_its_originals(hot: HotFolder) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "customer/a.png")
    put_result(hot.grade(Grade.GUT), hot.archive, "b.png")

    (shown,) = find(hot.grade(Grade.GUT) / "customer").shown

    assert (shown.name, shown.original) == ("customer/a.png", hot.archive / "customer" / "a.png")


def test_what_process_wrote_is_shown_with_the_originals_that_are_named(tmp_path: Path) -> None:
    put_result(tmp_path / "cut", tmp_path / "photos", "a.png")

    (alone,), (with_photos,) = find(tmp_path / "cut").shown, find(tmp_path / "cut", tmp_path / "photos").shown

    assert with_photos.original == tmp_path / "photos" / "a.png"
    # The a.png beside the results is the cut-out itself; its size differs from the photo's.
    assert alone.original is None


def test_a_cutout_that_a_person_moved_without_its_report_is_shown_where_it_is_now(hot: HotFolder) -> None:
    place = put_result(hot.grade(Grade.GUT), hot.archive, "a.png")
    place.with_name("a.png").rename(hot.grade(Grade.SEHR_GUT) / "a.png")

    (shown,) = find(hot.root).shown

    assert (shown.grade, shown.moved_from) == (Grade.SEHR_GUT, Grade.GUT)


def test_a_namesake_in_another_grade_is_not_taken_for_a_moved_cutout(hot: HotFolder) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "a.png").with_name("a.png").unlink()
    put_result(hot.grade(Grade.SEHR_GUT), hot.archive, "a.png", Grade.SEHR_GUT, seed=1)

    found = find(hot.root)

    assert [(shown.grade, shown.moved_from) for shown in found.shown] == [(Grade.SEHR_GUT, None)]
    assert found.lost == 1


def test_of_two_originals_of_one_name_the_one_of_the_report_s_size_is_shown(hot: HotFolder) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "a.png")
    (hot.archive / "a.png").rename(hot.archive / "a-2.png")
    save_photo(hot.archive / "a.png", drawn_photo(20, 20))

    assert find(hot.root).shown[0].original == hot.archive / "a-2.png"


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"report_version": 1}', b"\xff", b'{"report_version": 99}'])
def test_json_of_somebody_else_is_no_result(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_bytes(content)

    assert find(tmp_path).shown == ()


def test_each_page_of_a_file_is_shown_beside_its_own_result(hot: HotFolder) -> None:
    save_pages(hot.inbox / "scan.tif", 2, blank=2)
    settings = load(
        flags={
            "root": str(hot.root),
            "state_dir": str(hot.root.parent / "state"),
            "http": {"bind": ""},
            "intake": {"quiet_seconds": 0},
        }
    )
    Daemon(settings, engine=ScriptedEngine()).run(once=True)

    worst, best = find(hot.root).shown

    assert (worst.name, worst.page, best.page) == ("scan.tif", 2, 1)
    assert (worst.moved_from, best.moved_from) == (None, None)
    for shown in (worst, best):
        pictures = look_at(shown, 10)
        assert pictures.before is not None
        assert pictures.cutout is not None
        assert pictures.before.shape == pictures.cutout.shape  # the pages differ in size
    assert worst.grade is Grade.UNGENUEGEND
    assert best.grade is not Grade.UNGENUEGEND


def test_a_report_cannot_point_outside_of_the_archive(hot: HotFolder) -> None:
    place = put_result(hot.grade(Grade.GUT), hot.archive, "a.png")
    told = place.with_name("a.json")
    body = json.loads(told.read_bytes())
    body["photo"] |= {"name": "../inbox/secret.png", "bytes": 0}
    save_photo(hot.inbox / "secret.png")
    told.write_text(json.dumps(body))

    assert find(hot.root).shown == ()


def test_names_and_reasons_are_text_and_nothing_else_on_the_page(hot: HotFolder) -> None:
    name = 'a"><img src=x onerror=alert(1)>&.png'
    put_result(hot.grade(Grade.GUT), hot.archive, name)

    _, html = sheet_of(find(hot.root).shown, hot.root / "sheet")

    assert "<img src=x" not in html
    assert "a&#34;&gt;&lt;img src=x onerror=alert(1)&gt;&amp;.png" in html
    assert "its &lt;i&gt;edges&lt;/i&gt;" in html


class Page(HTMLParser):
    """What a browser makes of a page: its elements with their attributes, and the text of its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.heading = ""
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if {"h1", "h2"} & set(self._inside):
            self.heading += data


@pytest.mark.parametrize(
    "hostile",
    [
        "</h2><script>alert(1)</script>",
        "</style><img src=x onerror=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
        '" onmouseover=alert(1) x="',
        "' autofocus onfocus=alert(1) '",
        "<!--",
        "&lt;b&gt;",
    ],
)
def test_a_browser_reads_hostile_names_as_text(hostile: str, tmp_path: Path) -> None:
    shown = Shown(hostile, Grade.GUT, 0.8, (hostile,), Path(f"{hostile}.png"), how=hostile)

    _, html = make_sheet(
        (shown,), tmp_path / "s", hostile, words=words_in("en"), max_megapixels=10, threads=1, remark=hostile
    )
    page = Page(html.read_text("utf-8"))

    assert page.heading == f"{hostile}gut 0.80{hostile}"
    assert not {"script", "img", "iframe"} & {tag for tag, _ in page.elements}  # the photo itself is not there
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.elements.count(("article", {"class": "gut"})) == 1


def test_a_name_that_is_no_text_keeps_its_readable_part(tmp_path: Path) -> None:
    name = b"M\xfcller.png".decode("utf-8", "surrogateescape")
    shown = Shown(name, Grade.GUT, 0.8, (), None)

    _, html = make_sheet((shown,), tmp_path / "s", name, words=words_in("en"), max_megapixels=10, threads=1)

    assert "M?ller.png" in html.read_text("utf-8")


def test_the_page_is_in_the_language_of_the_settings(hot: HotFolder) -> None:
    reason = Reason("residue", "lower left", True, 0.0143)
    shown = Shown("scan.tif", Grade.GUT, 0.8, (reason,), None, moved_from=Grade.SEHR_GUT, how="u2netp", tried=2, page=3)

    _, html = make_sheet((shown,), hot.root / "s", "t", words=words_in("de"), max_megapixels=10, threads=1)

    text = html.read_text("utf-8")
    assert '<html lang="de">' in text
    for said in (
        "Reste vom Hintergrund unten links und anderswo, 1,4 % des Bildes",
        "scan.tif, Seite 3",
        "gut 0,80",
        "von Hand aus sehr_gut hierher gelegt",
        "u2netp, 2 Versuche",
        "vorher",
        "alle 1",
    ):
        assert said in text, said


def test_the_page_needs_no_other_file_and_runs_no_script(hot: HotFolder) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "a.png")

    _, html = sheet_of(find(hot.root).shown, hot.root / "sheet")

    assert html.count("data:image/jpeg;base64,") == 3
    assert "<script" not in html
    assert "http://" not in html
    assert "https://" not in html
    assert "default-src 'none'" in html


def test_a_click_leads_to_the_file_itself_whatever_its_name(hot: HotFolder) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "javascript:a #1?.png")

    _, html = sheet_of(find(hot.root).shown, hot.root / "sheet")

    assert 'href="./gut/javascript%3Aa%20%231%3F.png"' in html


def test_a_photo_that_is_gone_is_shown_by_its_words(hot: HotFolder) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "a.png")
    shown = find(hot.root).shown
    (hot.archive / "a.png").write_bytes(b"no picture any more")

    _, html = sheet_of(shown, hot.root / "sheet")

    assert html.count("data:image/jpeg") == 2
    assert "gut 0.80" in html


@pytest.mark.parametrize("fmt", ["png", "tiff", "webp", "mask"])
def test_every_format_of_results_is_shown_in_three_pictures(fmt: OutputFormat, hot: HotFolder) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "a.png", fmt=fmt)

    pictures = look_at(find(hot.root).shown[0], 10)

    assert pictures.before is not None
    assert pictures.alpha is not None
    assert pictures.cutout is not None
    assert pictures.alpha.shape == pictures.cutout.shape == pictures.before.shape == (48, 64, 3)
    red = pictures.cutout[24, 32]
    assert red[0] > 100 > red[1]
    assert pictures.cutout[0, 0].min() > 200  # the chequerboard, not the background of the photo


@pytest.mark.parametrize("fmt", ["jpeg", "tiff_on_colour"])
def test_a_result_on_a_colour_is_shown_as_it_is(fmt: OutputFormat, hot: HotFolder) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "a.png", fmt=fmt)

    pictures = look_at(find(hot.root).shown[0], 10)

    assert pictures.cutout is not None
    assert pictures.cutout[0, 0].min() > 250
    assert pictures.alpha is None


def test_a_trimmed_mask_is_not_laid_over_the_whole_photo(hot: HotFolder) -> None:
    place = put_result(hot.grade(Grade.GUT), hot.archive, "a.png", fmt="mask")
    save_photo(place.with_name("a_mask.png"), np.full((20, 40, 3), 255, np.uint8))

    pictures = look_at(find(hot.root).shown[0], 10)

    assert pictures.cutout is None
    assert pictures.alpha is not None


def test_the_picture_shows_the_worst_of_many_and_no_more(hot: HotFolder) -> None:
    for number in range(PNG_PHOTOS + 3):
        put_result(hot.grade(Grade.GUT), hot.archive, f"{number}.png", seed=number)
    shown = find(hot.root).shown

    png, html = sheet_of(shown, hot.root / "many")
    bounded = open_photo(png, 100)
    whole, _ = sheet_of(shown[:PNG_PHOTOS], hot.root / "few")

    assert html.count("<article") == PNG_PHOTOS + 3
    assert (bounded.width, bounded.height) == (lambda photo: (photo.width, photo.height))(open_photo(whole, 100))


def test_no_more_photos_are_looked_at_than_the_page_can_take(hot: HotFolder) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "a.png")
    (one,) = find(hot.root).shown
    many = (one,) * (3 * AT_ONCE)
    ends: list[int] = []

    class Stop(Exception):
        pass

    def told() -> None:
        ends.append(1)
        if len(ends) == 2 * AT_ONCE:
            raise Stop

    with pytest.raises(Stop):
        make_sheet(many, hot.root / "sheet", "t", words=words_in("en"), max_megapixels=10, threads=2, on_photo=told)

    assert not list(hot.root.glob("*sheet*"))  # a sheet that breaks off leaves nothing


def smooth(height: int, width: int) -> Rgb:
    noise = np.random.default_rng(1).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_small_picture_is_the_photo_made_small(suffix: str, tmp_path: Path) -> None:
    path = save_photo(tmp_path / f"a{suffix}", smooth(600, 800))

    small = open_small(path, 100, 10).pixels
    whole = cv2.resize(open_photo(path, 10).pixels, (100, 75), interpolation=cv2.INTER_AREA)

    assert small.shape == (75, 100, 3)
    assert np.abs(small.astype(int) - whole.astype(int)).mean() < 1.5


def test_colours_hidden_under_no_alpha_do_not_bleed_into_a_small_cutout(tmp_path: Path) -> None:
    rgba = np.zeros((400, 400, 4), np.uint16)
    rgba[:, :, 1] = 65535
    rgba[100:300, 100:300] = (65535, 0, 0, 65535)
    photo = open_photo(save_photo(tmp_path / "a.png", drawn_photo(400, 400)), 10)
    writing.write(tmp_path / "cut.png", rgba, photo, "png", "x")

    seen = thumbs.thumb(tmp_path / "cut.png", 50, 10)

    assert seen.alpha is not None
    assert seen.alpha.max() == 255
    assert seen.rgb[..., 1][seen.alpha > 8].max() <= 2


def test_a_folder_without_results_is_an_error_that_says_so(tmp_path: Path) -> None:
    done = freisteller("sheet", ".", folder=tmp_path)

    assert done.returncode == 2
    assert "holds no results" in done.stderr


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="no folder"):
        find(tmp_path / "none")


def test_the_command_says_what_it_wrote(hot: HotFolder, tmp_path: Path) -> None:
    put_result(hot.grade(Grade.GUT), hot.archive, "a.png")

    done = freisteller("sheet", "hot", "--out", "sheets/today", "--json", folder=tmp_path)

    assert json.loads(done.stdout)["photos"] == 1, done.stderr
    assert (tmp_path / "sheets" / "today.png").stat().st_size > 1000
    assert (tmp_path / "sheets" / "today.html").is_file()


def test_the_rows_of_a_picture_are_even() -> None:
    assert [columns_for(photos) for photos in (0, 1, 2, 3, 4, 5, 6, 7, 60)] == [0, 1, 2, 3, 2, 3, 3, 3, 3]


EBAY = Rendition("ebay", "ebay", Canvas(None, 1600))
HERO = Rendition("hero", "", Canvas(1.0, 100), variant="warm", encoding=Encoding("png"))


def put_renditions(place: Path) -> None:
    """Let a result have one rendition that is there, and one that was left out."""
    report = place.with_name(place.name + ".json")
    there = MadeRendition(HERO, (100, 100), 9, (0.8, 0.5), 1.0, 0, (Proved("size", True, "1", "1"),))
    broken = MadeRendition(EBAY, (10, 10), 9, (0.8, 0.5), 1.0, 92, (Proved("longest_side", False, "10", "≥ 500"),))
    picture = place.with_name(place.name + "_for-hero-warm.png")
    cv2.imwrite(str(picture), np.full((100, 100, 3), (0, 0, 255), np.uint8))
    body = json.loads(report.read_bytes())
    body["renditions"] = [rendition_values(there), rendition_values(broken)]
    body["sha256"]["_for-hero-warm.png"] = content_of(picture).hex()
    report.write_text(json.dumps(body))


def test_renditions_stand_beside_their_result_with_names_and_broken_rules(hot: HotFolder, tmp_path: Path) -> None:
    put_renditions(put_result(hot.grade(Grade.GUT), hot.archive, "a.png"))
    put_result(hot.grade(Grade.GUT), hot.archive, "b.png", seed=1)

    png, html = make_sheet(
        find(hot.root).shown, tmp_path / "s", "t", words=words_in("en"), max_megapixels=10, threads=1, renditions=True
    )

    page = html.read_text("utf-8")
    assert page.count("<figure>") == 3 + 2 + 3
    assert "<figcaption>hero-warm</figcaption>" in page
    assert "a_for-hero-warm.png" in page
    assert "<figcaption>ebay: left out</figcaption>" in page
    assert "<li>ebay: its longest side has 10 pixels; wanted: at least 500</li>" in page
    picture = cv2.imread(str(png))
    assert picture is not None
    assert (picture == (0, 0, 255)).all(axis=2).sum() >= 100 * 100


def test_without_being_asked_for_no_rendition_is_shown_or_read(hot: HotFolder, tmp_path: Path) -> None:
    put_renditions(put_result(hot.grade(Grade.GUT), hot.archive, "a.png"))

    _, page = sheet_of(find(hot.root).shown, tmp_path / "s")

    assert page.count("<figure>") == 3
    assert "ebay" not in page


def test_a_rendition_that_is_gone_is_an_empty_place(hot: HotFolder) -> None:
    place = put_result(hot.grade(Grade.GUT), hot.archive, "a.png")
    put_renditions(place)
    place.with_name(place.name + "_for-hero-warm.png").unlink()

    (shown,) = find(hot.root).shown

    assert [(each.label, each.path) for each in shown.renditions] == [("hero-warm", None), ("ebay", None)]
    assert look_at(shown, 10).renditions == (None, None)


def test_many_renditions_of_a_photo_go_on_below(hot: HotFolder, tmp_path: Path) -> None:
    place = put_result(hot.grade(Grade.GUT), hot.archive, "a.png")
    put_renditions(place)
    report = place.with_name(place.name + ".json")
    body = json.loads(report.read_bytes())
    body["renditions"] *= 10
    report.write_text(json.dumps(body))

    png, _ = make_sheet(
        find(hot.root).shown, tmp_path / "s", "t", words=words_in("de"), max_megapixels=10, threads=1, renditions=True
    )

    picture = cv2.imread(str(png))
    assert picture is not None
    assert picture.shape[0] > 3 * THUMB
    assert picture.shape[1] < 9 * THUMB
