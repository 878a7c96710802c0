"""Draw docs/photo.svg, the way of one photo through the program: `.venv/bin/python docs/draw_photo.py`.

`--out FILE` writes it elsewhere. The table STEPS is the picture's content; everything else is where it stands.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from svg import FAINT, INK, LINE, Picture

PICTURE = Path(__file__).parent / "photo.svg"

WIDTH = 660  # pixels, so that the words can still be read on a phone
HEAD = 56  # pixels above the first step
ROW = 92  # from one step to the next
HEIGHT = 70  # of a step
STEP_LEFT, STEP_WIDTH = 222, 276
STATE_LEFT, STATE_WIDTH = 540, 104
PILL = 26  # height of a folder's name

TINTS = {
    "intake": "#eef3f9",
    "pictures": "#eef3f9",
    "work": "#eef3f9",
    "engines": "#eef3f9",
    "judgement": "#e3f3e8",
    "publishing": "#fff1cf",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it does, in which room, how, and where the files lie and how the job stands after it."""

    does: str
    room: str
    how: str
    original: str = ""
    result: str = ""
    state: str = ""


STEPS = (
    Step("Find a whole photo", "intake", "quiet, closed, complete, decodable", original="inbox/"),
    Step("Take it in", "intake", "a row first, then the rename", original="work/JOB/", state="waiting"),
    Step("Start it in its turn", "work", "folders take turns, oldest first", state="running"),
    Step("Read it once", "pictures", "and make the small picture: the proxy"),
    Step("Name a recipe", "judgement", "model, resolution, view"),
    Step("Ask for an alpha", "engines", "ComfyUI servers, or the built-in engine"),
    Step("Finish and judge", "judgement", "another recipe, while that may pay"),
    Step("Decide", "work", "the best attempt wins, not the last", state="publishing"),
    Step("Stage", "publishing", "full size, written, read back", result="staging/JOB/"),
    Step("Place", "publishing", "linked, nothing replaced, report last", result="sehr_gut/ gut/ …"),
    Step("Archive and complete", "publishing", "the original is kept", original="archiv/", state="done"),
)
AGAIN = (4, 6)
"""The steps that are done again while another recipe is worth it: the first and the last of them."""


def top(number: int) -> int:
    """The upper edge of a step in pixels."""
    return HEAD + number * ROW


def drawn() -> str:
    """The whole picture as SVG text."""
    picture = Picture(WIDTH, top(len(STEPS)) + 96, "The way of one photo through Freisteller")
    picture.text(16, 30, "where the files are", colour=FAINT)
    picture.text(STEP_LEFT + STEP_WIDTH // 2, 30, "what happens, and in which room", colour=FAINT, anchor="middle")
    picture.text(STATE_LEFT + STATE_WIDTH // 2, 30, "state", colour=FAINT, anchor="middle")
    for number, step in enumerate(STEPS):
        draw_step(picture, number, step)
    draw_loop(picture)
    draw_states(picture)
    draw_files(picture, "the original", {n: step.original for n, step in enumerate(STEPS) if step.original}, 16)
    draw_files(picture, "the results", {n: step.result for n, step in enumerate(STEPS) if step.result}, 52)
    draw_other_ends(picture)
    return str(picture)


def draw_step(picture: Picture, number: int, step: Step) -> None:
    """A box with its room, and an arrow to the next one."""
    at = top(number)
    picture.box(STEP_LEFT, at, STEP_WIDTH, HEIGHT, fill=TINTS[step.room])
    picture.text(STEP_LEFT + 12, at + 28, step.does, size=16, bold=True)
    picture.text(STEP_LEFT + STEP_WIDTH - 12, at + 28, step.room, size=13, colour=FAINT, anchor="end")
    picture.text(STEP_LEFT + 12, at + 52, step.how, colour=FAINT)
    if number + 1 < len(STEPS):
        middle = STEP_LEFT + STEP_WIDTH // 2
        picture.path(f"M {middle} {at + HEIGHT} L {middle} {at + ROW}")


def draw_loop(picture: Picture) -> None:
    """The arrow back to the next recipe, beside the steps that it repeats."""
    first, last = (top(number) + HEIGHT // 2 for number in AGAIN)
    right, out = STEP_LEFT + STEP_WIDTH, STEP_LEFT + STEP_WIDTH + 22
    up = f"C {out} {last} {out} {last} {out} {last - 16} L {out} {first + 16}"
    picture.path(f"M {right} {last} {up} C {out} {first} {out} {first} {right + 1} {first}")


def draw_states(picture: Picture) -> None:
    """The states of the job as bands, each from the step that it begins with to the next."""
    begins = [number for number, step in enumerate(STEPS) if step.state]
    ends = [*begins[1:], len(STEPS)]
    for begin, end in zip(begins, ends, strict=True):
        picture.box(
            STATE_LEFT, top(begin), STATE_WIDTH, top(end) - top(begin) - ROW + HEIGHT, fill="#f3f1ee", edge="none"
        )
        picture.text(
            STATE_LEFT + STATE_WIDTH // 2, top(begin) + 28, STEPS[begin].state, size=15, bold=True, anchor="middle"
        )


def draw_files(picture: Picture, files: str, folders: dict[int, str], left: int) -> None:
    """The folders in which files lie, one after the other, with arrows between them; `folders` by step."""
    width = 168 - left + 16
    before = None
    for number, folder in folders.items():
        at = top(number) + HEIGHT // 2 - PILL // 2
        picture.box(left, at, width, PILL, fill="#ffffff", corner=PILL // 2)
        picture.text(left + 12, at + 18, folder, colour=INK)
        if before is None:
            picture.text(left + 12, at - 6, files, size=13, colour=FAINT)
        else:
            picture.path(f"M {left + 18} {before} L {left + 18} {at}")
        before = at + PILL


def draw_other_ends(picture: Picture) -> None:
    """What else may become of a photo."""
    at = top(len(STEPS))
    picture.path(f"M 16 {at - 4} L {WIDTH - 16} {at - 4}", arrow=False, colour=LINE)
    picture.text(16, at + 24, "Cannot be done, at any step:", bold=True)
    picture.text(252, at + 24, "failed; the original goes to failed/, with a note why")
    picture.text(16, at + 48, "No engine, disk or share:", bold=True)
    picture.text(252, at + 48, "it waits, and costs no attempt")
    picture.text(16, at + 72, "Put back into inbox/ by a person:", bold=True)
    picture.text(252, at + 72, "another round, from the original, with other recipes")


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description="Draw the way of one photo.")
    parser.add_argument("--out", type=Path, default=PICTURE)
    parser.parse_args().out.write_text(drawn(), "utf-8")


if __name__ == "__main__":
    main()
