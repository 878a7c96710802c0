"""A person touches up a result in a real browser: brush, undo, edges, sending, a phone; and the scripts' own parts."""

import base64
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from daemon.pictures.reading import open_photo
from tests.drawing import drawn_photo, save_photo
from tests.web.browser import PHONE, Page, browser, needs_axe, needs_browser
from tests.web.light_table import LightTable, light_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), needs_browser]

WIDTH, HEIGHT = 1500, 1100
GRADES = ("sehr_gut", "gut", "ungenügend")
BRUSH = 40  # pixels across at 100 %

Bytes = NDArray[np.uint8]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightTable]:
    with light_table(tmp_path_factory.mktemp("touch up")) as found:
        yield found


def dropped(table: LightTable, order: str, photo: Bytes | None = None) -> dict[str, Any]:
    """The finished job of one photo in an order of its own."""
    picture = drawn_photo(WIDTH, HEIGHT, 1) if photo is None else photo
    picture[0, 0] = list(order.encode())[:3]
    save_photo(table.root / "inbox" / order / "a.png", picture)
    table.daemon.wait_until(lambda: len(table.jobs(order)) == 1, f"the photo of {order}")
    return table.jobs(order)[0]


def job_now(table: LightTable, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = table.ask(f"/api/v1/jobs/{job['id']}")
    return found


def alpha_of(table: LightTable, order: str) -> Bytes:
    found: list[Path] = []

    def is_there() -> bool:
        """Between two results of a photo there is none, for a moment."""
        found[:] = [
            path for grade in ("sehr_gut", "gut", "ungenügend") for path in table.root.glob(f"{grade}/{order}/a.png")
        ]
        return len(found) == 1

    table.daemon.wait_until(is_there, f"the one result of {order}")
    alpha = open_photo(found[0], 100).own_alpha
    assert alpha is not None
    assert alpha.dtype == np.uint8
    return np.asarray(alpha, np.uint8)


def opened(page: Page, order: str) -> None:
    page.open(f"/review?order={order}")
    page.wait_for_picture()
    page.press("k", "b")
    page.wait(lambda: page.shows("#touch-up"), "the touch-up")
    answer(page, "view.js", "it.viewer.fullSize({ x: 0.5, y: 0.5 });")
    page.wait(lambda: page.text("#zoom").startswith("100 %"), "100 %")
    page.wait_for_picture()


def drag(page: Page, *places: tuple[int, int]) -> None:
    """Paint with the mouse. places: right and down of the stage's middle, CSS pixels."""
    stage = page.driver.find_element("id", "stage")
    chain = ActionChains(page.driver, duration=30).move_to_element_with_offset(stage, *places[0]).click_and_hold()
    for before, after in itertools.pairwise(places):
        chain = chain.move_by_offset(after[0] - before[0], after[1] - before[1])
    chain.release().perform()


def pixel(page: Page, place: tuple[int, int]) -> tuple[int, ...]:
    width, height = page.run("const s = document.getElementById('stage'); return [s.clientWidth, s.clientHeight]")
    return page.pixel(width / 2 + place[0], height / 2 + place[1])


def rests(page: Page) -> bool:
    """Whether no stroke waits for anything, so that undo is offered for what is there."""
    return bool(page.run("return !document.getElementById('touch-undo').disabled"))


def distance_from(start: tuple[int, int], end: tuple[int, int]) -> NDArray[np.float64]:
    """How far the middle of each pixel of the photo lies from the line between two places of the stage."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    (ax, ay), (bx, by) = [(WIDTH / 2 + right, HEIGHT / 2 + down) for right, down in (start, end)]
    along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2), 0, 1)
    distance: NDArray[np.float64] = np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))
    return distance


def test_a_stroke_brings_back_what_it_covers_and_changes_not_a_value_elsewhere(table: LightTable) -> None:
    job = dropped(table, "back")
    before = alpha_of(table, "back")
    start, end = (430, -250), (510, -200)
    with browser(table.base) as page:
        opened(page, "back")
        page.press("w")
        page.wait(lambda: pixel(page, start) == (255, 255, 255, 255), "the white ground")
        drag(page, start, end)
        page.wait(lambda: 195 < pixel(page, start)[0] < 215, "the original's own colour")
        page.press(Keys.ENTER)
        page.wait(lambda: not page.shows("#touch-up"), "the review")
        page.wait(lambda: (job_now(table, job)["decided"] or {}).get("grade") == job["grade"], "the verdict")
        after = alpha_of(table, "back")
        tries = job_now(table, job)["tries"]
        page.press(Keys.ARROW_LEFT)
        page.wait_for_text("#decided", "Touched up, and decided")
        assert [each["recipe"] for each in tries if each["best"]] == ["touch-up"]
        assert page.said_after_a_change() == []

        page.press("u")
        page.wait(lambda: job_now(table, job)["decided"] is None, "the verdict to be undone")
        page.press("u")
        page.wait(lambda: np.array_equal(alpha_of(table, "back"), before), "the former result")

    distance = distance_from(start, end)
    assert not before[distance < BRUSH].any()
    assert (after[distance <= 0.6 * BRUSH / 2 - 1] == 255).all()
    assert np.array_equal(after[distance >= BRUSH / 2 + 2], before[distance >= BRUSH / 2 + 2])
    rim = after[(distance > 0.7 * BRUSH / 2) & (distance < 0.9 * BRUSH / 2)]
    assert 20 < rim.mean() < 235


def test_strokes_over_the_border_of_tiles_are_taken_away_undone_and_done_again(table: LightTable) -> None:
    job = dropped(table, "undone")
    before = alpha_of(table, "undone")
    middle = (0, 0)
    with browser(table.base) as page:
        opened(page, "undone")
        page.press("d", "x")
        subject = pixel(page, middle)
        drag(page, (-300, 0), (300, 0))  # over the tiles' border at 512 and 1024
        page.wait(lambda: pixel(page, middle) == (0, 0, 0, 255), "the black ground")
        drag(page, (0, -100), (0, -60))
        page.press_with_control("z")
        page.wait(lambda: pixel(page, (0, -80))[0] > 100, "the second stroke to be undone")
        assert pixel(page, middle) == (0, 0, 0, 255)
        page.press("u")
        page.wait(lambda: pixel(page, middle) == subject, "the first stroke to be undone")
        assert page.run("return document.getElementById('touch-send').disabled")
        ActionChains(page.driver).key_down(Keys.SHIFT).send_keys("u").key_up(Keys.SHIFT).perform()
        page.wait(lambda: pixel(page, middle) == (0, 0, 0, 255), "the first stroke to be done again")

        page.press(Keys.ESCAPE)
        page.wait(lambda: page.shows("#asking"), "the question")
        page.press(Keys.ESCAPE)
        page.wait(lambda: not page.shows("#asking"), "the question to go")
        assert page.shows("#touch-up")
        page.press("u")
        page.wait(lambda: pixel(page, middle) == subject, "nothing to be painted")
        page.press(Keys.ESCAPE)
        page.wait(lambda: not page.shows("#touch-up"), "the review, without a question")
        assert page.said_after_a_change() == []

    assert job_now(table, job)["version"] == job["version"]
    assert np.array_equal(alpha_of(table, "undone"), before)


def test_a_stroke_that_snaps_stays_on_the_thing_that_was_forgotten(table: LightTable) -> None:
    photo = drawn_photo(WIDTH, HEIGHT, 1)
    left, top, right, bottom = WIDTH // 2 + 440, HEIGHT // 2 - 200, WIDTH // 2 + 470, HEIGHT // 2 + 200
    photo[top:bottom, left:right] = (25, 40, 160)
    over = np.zeros((HEIGHT, WIDTH), bool)
    over[top + 150 : bottom - 150, right + 2 : right + 6] = True
    alphas = {}
    for order, snap in (("plain", False), ("snapped", True)):
        job = dropped(table, order, photo.copy())
        with browser(table.base) as page:
            opened(page, order)
            # First forget the bar, so that a stroke can bring it back.
            page.press("x", *["]"] * 6)
            drag(page, (455, -240), (455, 240))
            page.press("x", *["["] * 5, *["}"] * 4)
            if snap:
                page.press("s")
            drag(page, (455, -120), (455, 120))
            page.wait(lambda: rests(page), "the strokes")
            page.press(Keys.ENTER)
            page.wait(lambda job=job: job_now(table, job)["decided"], "the verdict")  # type: ignore[misc]
            assert page.said_after_a_change() == []
        alphas[order] = alpha_of(table, order)

    bar = (slice(top + 150, bottom - 150), slice(left + 2, right - 2))
    assert alphas["plain"][over].mean() > 240
    assert alphas["snapped"][over].mean() < 40
    assert alphas["snapped"][bar].mean() > 230


def test_a_broad_stroke_that_snaps_looks_closely_at_the_border_alone_and_undo_puts_all_of_it_back(
    table: LightTable,
) -> None:
    dropped(table, "broad", drawn_photo(4600, 3400, 1))
    with browser(table.base) as page:
        page.open("/review?order=broad")
        page.wait_for_picture()
        page.press("k", "b")
        page.wait(lambda: page.shows("#touch-up"), "the touch-up")
        page.press("s", *["]"] * 30)
        before = whole_alpha(page)
        drag(page, (-330, -250), (-330, 0), (-200, 250))
        page.wait(lambda: rests(page), "the stroke")
        answer(page, "touch_up.js", "await it.atRest();")
        after = whole_alpha(page)
        page.press("u")
        page.wait(lambda: not rests(page), "the stroke to be undone")
        asked = page.run(
            "return performance.getEntriesByType('resource').map((each) => each.name).filter((name) => "
            "name.includes('/original/') && name.split('/').at(-3) === '0').length"
        )
        touched = page.run(
            "return performance.getEntriesByType('resource').map((each) => each.name).filter((name) => "
            "name.includes('/alpha/') && name.split('/').at(-3) === '0').length"
        )
        # It is shown by other sizes of tiles than before.
        page.wait(lambda: apart(whole_alpha(page), before) < 0.5, "the former alpha")
        assert page.said() == []

    assert apart(after, before) > 2
    assert touched > 20
    assert 0 < asked < touched


def apart(one: Bytes, other: Bytes) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def whole_alpha(page: Page) -> Bytes:
    """What the touch-up shows of the alpha."""
    page.press("m")
    page.wait_for_picture()
    size, text = page.run(
        """
        const canvas = document.getElementById('picture');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let text = '';
        for (let n = 0; n < data.length; n += 4) text += String.fromCharCode(data[n]);
        return [[canvas.height, canvas.width], btoa(text)];
        """
    )
    page.press("m")
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(size)


def test_a_touch_up_that_could_not_be_sent_is_kept_and_sent_again(table: LightTable) -> None:
    job = dropped(table, "kept")
    with browser(table.base) as page:
        opened(page, "kept")
        drag(page, (450, -250), (480, -250))
        page.offline(True)
        page.press(Keys.ENTER)
        page.wait_for_text("#messages", "Your strokes are still here")
        assert page.shows("#touch-up")
        assert "No connection" in page.text("#messages")
        page.offline(False)
        page.click("#messages .message button")
        page.wait(lambda: (job_now(table, job)["decided"] or {}).get("grade"), "the verdict")

    assert alpha_of(table, "kept")[HEIGHT // 2 - 250, WIDTH // 2 + 465] == 255


def test_who_was_second_keeps_the_strokes_and_is_told(table: LightTable) -> None:
    job = dropped(table, "second")
    with browser(table.base) as page:
        opened(page, "second")
        drag(page, (450, -250), (480, -250))
        table.ask(f"/api/v1/jobs/{job['id']}/retry", {})
        page.wait(lambda: job_now(table, job)["round"] > job["round"], "another round")
        page.wait(lambda: job_now(table, job)["state"] == "done", "its end")
        page.press(Keys.ENTER)
        page.wait_for_text("#messages", "Your strokes are still here")
        assert page.shows("#touch-up")


@needs_axe
def test_a_finger_paints_two_zoom_and_the_panel_fits_a_phone(table: LightTable) -> None:
    job = dropped(table, "phone")
    with browser(table.base, PHONE, "de-DE", bypass_csp=True) as page:
        page.open("/review?order=phone")
        page.wait_for_picture()
        page.click("#deeds [data-act=touch-up]")
        page.wait_for_picture()
        assert page.text("#touch-up button").startswith("Zurückholen")
        assert page.run("return document.documentElement.scrollWidth") == PHONE[0]
        assert (
            page.run("const b = document.getElementById('touch-send').getBoundingClientRect(); return b.bottom")
            <= PHONE[1]
        )
        assert page.axe() == []
        fits = page.text("#zoom")
        fingers(page, [(100, 250)], [(130, 260)])
        page.wait(lambda: rests(page), "the stroke")
        fingers(page, [(150, 200), (220, 200)], [(90, 200), (290, 200)])
        page.wait(lambda: page.text("#zoom") != fits, "the zoom")
        page.click("#touch-undo")
        page.wait(lambda: not rests(page), "the only stroke to be undone")
        page.click("#touch-leave")
        assert not page.shows("#touch-up")
        assert page.said() == []

    assert job_now(table, job)["version"] == job["version"]


def fingers(page: Page, start: list[tuple[int, int]], end: list[tuple[int, int]]) -> None:
    """Put fingers on the screen, one after the other, move them, and take them away."""

    def touch(kind: str, points: list[tuple[float, float]]) -> None:
        touched = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})

    for count in range(1, len(start) + 1):
        touch("touchStart", list(start[:count]))
    for step in (0.25, 0.5, 0.75, 1.0):
        moved = [(a + step * (c - a), b + step * (d - b)) for (a, b), (c, d) in zip(start, end, strict=True)]
        touch("touchMove", moved)
    touch("touchEnd", [])


# ---- the parts, alone ----


@pytest.fixture(scope="module")
def script(table: LightTable) -> Iterator[Page]:
    with browser(table.base) as page:
        page.open("/orders")
        yield page


def answer(page: Page, module: str, code: str, *values: object) -> Any:
    """The value that code has, `it` being a script of the pages."""
    return page.driver.execute_async_script(
        f"const [base, ...given] = [...arguments].slice(0, -1), done = arguments[arguments.length - 1];"
        f"import(document.querySelector('script[type=module]').src.replace(/[^/]+$/, '{module}'))"
        f".then(async (it) => {{ {code} }}).then(done, (error) => done(String(error)))",
        "",
        *values,
    )


def in_base64(pixels: Bytes) -> str:
    return base64.b64encode(pixels.tobytes()).decode()


TO_BYTES = "const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));"
TO_TEXT = "const text = (values) => btoa(Array.from(values, (value) => String.fromCharCode(value)).join(''));"


def noise(height: int, width: int) -> Bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width), np.uint8)
    pixels[height // 3 :, : width // 2] = 255
    pixels[: height // 4] = 0
    return pixels


def test_the_png_that_a_browser_writes_has_each_value(script: Page) -> None:
    pixels = noise(70, 51)
    code = TO_BYTES + TO_TEXT + (
        "const all = bytes(given[0]);"
        "const png = await it.greyPng(51, 70, [all.subarray(0, 51 * 33), all.subarray(51 * 33)]);"
        "return text(new Uint8Array(await png.arrayBuffer()));"
    )  # fmt: skip

    content = base64.b64decode(answer(script, "grey_png.js", code, in_base64(pixels)))

    read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert read is not None
    assert np.array_equal(read, pixels)


@pytest.mark.parametrize(
    "pixels", [noise(40, 64), np.zeros((1, 1), np.uint8), np.full((64, 64), 7, np.uint8), noise(5, 3)]
)
def test_a_packed_tile_is_the_same_afterwards(script: Page, pixels: Bytes) -> None:
    code = TO_BYTES + TO_TEXT + "const all = bytes(given[0]); return text(it.unpack(it.pack(all), all.length));"

    assert answer(script, "packed.js", code, in_base64(pixels)) == in_base64(pixels)


def test_the_guided_filter_is_that_of_its_authors(script: Page) -> None:
    random = np.random.default_rng(2)
    guide, alpha = random.random((30, 44)), random.random((30, 44))
    radius, eps = 4, 1e-4

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        side = 2 * radius + 1
        box = {"ddepth": -1, "ksize": (side, side), "normalize": False, "borderType": cv2.BORDER_CONSTANT}
        sums: NDArray[np.float64] = cv2.boxFilter(values, **box) / cv2.boxFilter(np.ones_like(values), **box)  # type: ignore[call-overload]
        return sums

    slope = (mean(guide * alpha) - mean(guide) * mean(alpha)) / (mean(guide**2) - mean(guide) ** 2 + eps)
    wanted = mean(slope) * guide + mean(mean(alpha) - slope * mean(guide))
    code = "return Array.from(it.guided(Float32Array.from(given[0]), Float32Array.from(given[1]), 44, 30, 4));"

    found = answer(script, "edge_snap.js", code, guide.ravel().tolist(), alpha.ravel().tolist())

    assert np.abs(np.array(found) - wanted.ravel()).max() < 1e-4


SNAPPED = (
    TO_BYTES
    + TO_TEXT
    + """
    const [guide, alpha] = [bytes(given[0]), bytes(given[1])];
    const { width, height, radius, box } = given[2];
    const step = 2 ** it.levelOf(radius);
    const [wide, high] = [Math.ceil(width / step), Math.ceil(height / step)];
    const small = [guide, alpha].map((values) => {
        const made = new Float32Array(wide * high);
        it.shrinkInto(made, values, { x: 0, y: 0, width, height }, step, wide, high);
        return made;
    });
    const field = it.fieldOf(...small, wide, high, Math.round(radius / step));
    const part = new Float32Array(box.width * box.height);
    for (let n = 0; n < part.length; n += 1) {
        part[n] = guide[(box.y + Math.floor(n / box.width)) * width + box.x + (n % box.width)] / 255;
    }
    return [text(it.applied(field, part, step, box)), it.flatIn(field, step, box)];
"""
)


def snapped(
    script: Page, guide: Bytes, alpha: Bytes, radius: int, box: tuple[int, int, int, int]
) -> tuple[Bytes, int | None]:
    """A box (left, top, width, height) of an alpha that follows the guide; and its value if it is said to be flat."""
    left, top, width, height = box
    sizes = {"width": guide.shape[1], "height": guide.shape[0], "radius": radius}
    given = {**sizes, "box": {"x": left, "y": top, "width": width, "height": height}}
    text, flat = answer(script, "edge_snap.js", SNAPPED, in_base64(guide), in_base64(alpha), given)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width), flat


def test_an_alpha_snaps_to_the_edge_beside_it(script: Page) -> None:
    guide = np.full((80, 120), 200, np.uint8)
    guide[:, 60:] = 90
    alpha = np.zeros((80, 120), np.uint8)
    alpha[:, 54:] = 255  # six pixels too far

    found, flat = snapped(script, guide, alpha, 20, (0, 0, 120, 80))

    assert flat is None
    assert found[:, :59].max() < 20
    assert found[:, 61:].min() > 235


def test_a_broad_filter_that_is_computed_small_keeps_the_edge_sharp(script: Page) -> None:
    guide = np.full((300, 400), 200, np.uint8)
    guide[:, 200:] = 90
    alpha = np.zeros((300, 400), np.uint8)
    alpha[:, 170:] = 255  # thirty pixels too far

    found, flat = snapped(script, guide, alpha, 128, (100, 50, 200, 150))

    assert flat is None
    assert found[:, :99].max() < 30
    assert found[:, 101:].min() > 225


@pytest.mark.parametrize(("left", "value"), [(0, 0), (800, 255)])
def test_what_lies_far_from_any_border_is_flat_whatever_the_photo_shows_there(
    script: Page, left: int, value: int
) -> None:
    guide = np.random.default_rng(3).integers(0, 256, (300, 1200)).astype(np.uint8)
    alpha = np.zeros((300, 1200), np.uint8)
    alpha[:, 600:] = 255

    found, flat = snapped(script, guide, alpha, 64, (left, 20, 400, 260))

    assert flat == value
    assert np.unique(found).tolist() == [value]


@pytest.mark.parametrize(
    ("start", "end"), [((300, 250), (300, 250)), ((90, 400), (700, 130)), ((-50, 512), (620, 512))]
)
@pytest.mark.parametrize(("radius", "hardness"), [(3, 1), (180, 0.6), (90, 0)])
def test_a_stretch_covers_each_pixel_by_how_near_it_is(
    script: Page, start: tuple[int, int], end: tuple[int, int], radius: int, hardness: float
) -> None:
    code = (
        TO_TEXT
        + """
        const tiles = { boxOf: () => ({ x: 0, y: 0, width: 640, height: 600 }) };
        const stroke = new it.Stroke(tiles, { radius: given[2], hardness: given[3], to: 255 });
        const [from, to] = given.map((each) => ({ x: each[0], y: each[1] }));
        stroke.cover(0, from, to);
        return text(stroke.covers.get(0));
    """
    )

    text = answer(script, "stroke.js", code, start, end, radius, hardness)

    y, x = np.mgrid[:600, :640] + 0.5
    (ax, ay), (bx, by) = start, end
    length = (bx - ax) ** 2 + (by - ay) ** 2 or 1
    along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1)
    distance = np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))
    inner = max(0.0, min(radius * hardness, radius - 0.5))
    share = np.clip((radius + 0.5 - distance) / (radius + 0.5 - inner), 0, 1)
    wanted = 255 * share * share * (3 - 2 * share)
    found = np.frombuffer(base64.b64decode(text), np.uint8).reshape(600, 640)
    assert np.abs(found - wanted).max() <= 1.001
