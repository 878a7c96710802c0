"""Draw docs/rooms.svg, the rooms of the house and who imports whom: `.venv/bin/python docs/draw_rooms.py`.

`--out FILE` writes it elsewhere. The imports in daemon/ say what is drawn; only the short texts are written here.
"""

import argparse
from collections import Counter
from itertools import pairwise
from pathlib import Path

from floors import Graph, Node, Plan, Sizes, planned, reduced
from svg import FAINT, Picture

from benchmarks.house import LOOSE, Module, imports_between, read

PICTURE = Path(__file__).parent / "rooms.svg"

WORDS = {
    "jobs": ("values that all", "rooms hand on"),
    "disk": ("files and folders,", "as they really are"),
    "settings": ("everything that", "can be set"),
    "logs": ("one line for each", "change of state"),
    "words": ("texts for people,", "in their language"),
    "judgement": ("how good is it,", "what to try next"),
    "pictures": ("pixels, metadata:", "read and written"),
    "engines": ("small picture in,", "alpha out"),
    "renditions": ("pictures for", "shops, proven"),
    "journal": ("remembers jobs,", "in SQLite"),
    "observe": ("metrics, health,", "GPUs and disks"),
    "hotfolder": ("the folders, and", "who may change them"),
    "intake": ("finds whole photos,", "takes them in"),
    "publishing": ("a decided job", "becomes files, once"),
    "work": ("a photo is cut out,", "many at once"),
    "cluster": ("other machines", "do the work"),
    "people": ("what people say", "by moving files"),
    "contact_sheet": ("results laid out", "to look at"),
    "exports": ("an order, as", "shops read it"),
    "shops": ("brings them there", "by API, once"),
    "notify": ("tells people", "what happened"),
    "web": ("pages, pictures, API", "and figures, one port"),
    "service": ("one daemon: start,", "upkeep, stop"),
    "commands": ("what each", "command does"),
    "cli": ("the words of the", "command line"),
}
"""The rooms in their order, each with its duty in two short lines."""

TINTS = {"judgement": "#e3f3e8", "publishing": "#fff1cf"}
TINT = "#eef3f9"
GROUND = "#f3f1ee"

SIZES = Sizes(node=176, lane=14, gap=16, edge=16)  # narrow, so that the words can still be read on a phone
HEAD = 74  # pixels above the highest room
HEIGHT = 84  # of a room
BEND = 44  # between two floors
FOOT = 66  # of the box with the loose modules
CAPTION = (
    "An arrow leads from a room to one that it imports, always down.",
    "Left out: arrows that a longer way implies. The number counts modules.",
)
LOOSE_WORDS = "loose modules: the words that every room uses"


def rooms_imported(modules: list[Module]) -> Graph:
    """For each room the other rooms that it imports."""
    room_of = {module.name: module.room for module in modules}
    graph: Graph = {room: set() for room in WORDS}
    for importer, imported in imports_between(modules).items():
        here = room_of[importer]
        if here != LOOSE:
            graph[here] |= {room_of[name] for name in imported} - {here, LOOSE}
    return graph


def drawn(modules: list[Module]) -> str:
    """The whole picture as SVG text."""
    plan = planned(reduced(rooms_imported(modules)), SIZES)
    top = {
        node: HEAD + (len(plan.rows) - 1 - number) * (HEIGHT + BEND)
        for number, row in enumerate(plan.rows)
        for node in row
    }
    ground = HEAD + len(plan.rows) * (HEIGHT + BEND) - BEND + 20
    picture = Picture(plan.width, ground + FOOT + SIZES.edge, "The rooms of Freisteller, and which imports which")

    for line, words in enumerate(CAPTION):
        picture.text(plan.width // 2, 26 + 22 * line, words, anchor="middle")
    for arrow in plan.arrows:
        picture.path(way(arrow, plan, top))
    counts = Counter(module.room for module in modules)
    for room in WORDS:
        draw_room(picture, room, counts[room], plan.middle[(room,)] - SIZES.node // 2, top[(room,)])

    loose = ", ".join(module.base_name for module in modules if module.room == LOOSE and "__" not in module.base_name)
    picture.box(SIZES.edge, ground, plan.width - 2 * SIZES.edge, FOOT, fill=GROUND)
    picture.text(plan.width // 2, ground + 28, loose, size=17, bold=True, anchor="middle")
    picture.text(plan.width // 2, ground + 50, LOOSE_WORDS, colour=FAINT, anchor="middle")
    return str(picture)


def draw_room(picture: Picture, room: str, modules: int, left: int, top: int) -> None:
    """A box with the room's name, how many modules it has, and its duty."""
    picture.box(left, top, SIZES.node, HEIGHT, fill=TINTS.get(room, TINT))
    picture.text(left + 12, top + 25, room, size=17, bold=True)
    picture.text(left + SIZES.node - 12, top + 25, str(modules), colour=FAINT, anchor="end")
    picture.lines(left + 12, top + 50, WORDS[room])


def way(arrow: list[Node], plan: Plan, top: dict[Node, int]) -> str:
    """The path of one arrow: down from its room, straight past other floors, onto the room it needs."""
    steps: list[str] = []
    for high, low in pairwise(arrow):
        start, end = port(high, low, plan), port(low, high, plan)
        above, below = top[high] + HEIGHT, top[low]
        half = (above + below) // 2
        steps += [f"{'L' if steps else 'M'} {start} {above}", f"C {start} {half} {end} {half} {end} {below}"]
    return " ".join(steps)


def port(node: Node, other: Node, plan: Plan) -> int:
    """Where on a room's edge the arrow from or to another node is tied: side by side, ordered as their other ends."""
    if len(node) == 3:
        return plan.middle[node]
    links = [pair for arrow in plan.arrows for pair in pairwise(arrow)]
    above, below = [high for high, low in links if low == node], [low for high, low in links if high == node]
    same_side = sorted(above if other in above else below, key=lambda one: plan.middle[one])
    step = SIZES.node // (len(same_side) + 1)
    return plan.middle[node] - SIZES.node // 2 + step * (same_side.index(other) + 1)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description="Draw the rooms of daemon/ from its imports.")
    parser.add_argument("--out", type=Path, default=PICTURE)
    parser.parse_args().out.write_text(drawn(read()), "utf-8")


if __name__ == "__main__":
    main()
