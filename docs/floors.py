"""Arrange a graph without circles on floors, so that every arrow leads down and few of them cross.

Nodes that nothing leads out of stand on floor 0. All sizes are whole numbers and the search starts from a fixed seed,
so the same graph always gives the same picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations
from random import Random

SEARCHES = 30
MOST_PERMUTED = 6  # nodes of a floor: seven have 5,040 orders

Graph = dict[str, set[str]]
"""For each node, in an order in which no arrow leads to a later node, the nodes that its arrows lead to."""
Node = tuple[str, ...]
"""A node ("work",), or an arrow that passes a floor ("work", "disk", "4")."""
Link = tuple[Node, Node]
"""A piece of an arrow: from a node to one on the floor below."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """In pixels: the width of a node and of a passing arrow, the gap between neighbours, the margin around all."""

    node: int
    lane: int
    gap: int
    edge: int

    def width(self, one: Node) -> int:
        """What a node, or a passing arrow, takes up."""
        return self.node if len(one) == 1 else self.lane


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything stands: the floors from the lowest up, each from left to right, and the middle of each node."""

    rows: list[list[Node]]
    arrows: list[list[Node]]
    middle: dict[Node, int]
    width: int


def planned(graph: Graph, sizes: Sizes) -> Plan:
    """A place for each node of a graph, and a way for each arrow."""
    floor = floors(graph)
    arrows = threads(graph, floor)
    links = [pair for arrow in arrows for pair in pairwise(arrow)]
    rows = arranged(list(graph), floor, arrows, links)
    width = 2 * sizes.edge + max(sum(map(sizes.width, row)) + sizes.gap * (len(row) - 1) for row in rows)
    return Plan(rows, arrows, columns(rows, links, width, sizes), width)


def reduced(graph: Graph) -> Graph:
    """Without the arrows that a longer way already implies (transitive reduction)."""
    below: Graph = {}
    for node, targets in graph.items():
        below[node] = targets.union(*(below[target] for target in targets))
    return {
        node: {target for target in targets if not any(target in below[other] for other in targets)}
        for node, targets in graph.items()
    }


def floors(graph: Graph) -> dict[str, int]:
    """The floor of each node: as high as the nodes above it allow, so that arrows stay short."""
    height: dict[str, int] = {}
    for node, targets in graph.items():
        height[node] = 1 + max((height[target] for target in targets), default=-1)
    found: dict[str, int] = {}
    for node in reversed(graph):
        above = [found[other] for other in found if node in graph[other]]
        found[node] = (min(above) - 1 if above else max(height.values())) if graph[node] else 0
    return found


def threads(graph: Graph, floor: dict[str, int]) -> list[list[Node]]:
    """Each arrow as the nodes it goes through, from its start down, with one node on each floor that it passes."""
    return [
        [(node,), *((node, target, str(level)) for level in range(floor[node] - 1, floor[target], -1)), (target,)]
        for node in graph
        for target in sorted(graph[node], key=list(graph).index)
    ]


def arranged(names: list[str], floor: dict[str, int], arrows: list[list[Node]], links: list[Link]) -> list[list[Node]]:
    """The nodes of each floor from left to right: the best of several searches."""
    level = {node: int(node[2]) if len(node) == 3 else floor[node[0]] for arrow in arrows for node in arrow}
    rows: list[list[Node]] = [[] for _ in range(max(level.values()) + 1)]
    for node in sorted(level, key=lambda node: [names.index(name) for name in node[:2]]):
        rows[level[node]].append(node)
    chance = Random(1)
    found = []
    for _ in range(SEARCHES):
        improve(rows, links)
        found.append([list(row) for row in rows])
        for row in rows:
            chance.shuffle(row)
    return min(found, key=lambda rows: crossings(rows, links))


def improve(rows: list[list[Node]], links: list[Link]) -> None:
    """Bring each floor into its best order between its neighbours, until nothing gets better."""
    now, before = crossings(rows, links), None
    while now != before:
        before = now
        for number in [*range(len(rows)), *reversed(range(len(rows)))]:
            near = [link for link in links if link[0] in rows[number] or link[1] in rows[number]]
            tries = ([*rows[:number], list(order), *rows[number + 1 :]] for order in orders(rows[number]))
            rows[number] = min(tries, key=lambda one, near=near: crossings(one, near))[number]  # type: ignore[misc]
        now = crossings(rows, links)


def orders(row: list[Node]) -> Iterable[Sequence[Node]]:
    """The orders to try of a floor: all, or of a wide one those in which two nodes changed places."""
    if len(row) <= MOST_PERMUTED:
        return permutations(row)
    swapped = ({at: row[other], other: row[at]} for at, other in combinations(range(len(row)), 2))
    return [row, *([swap.get(at, node) for at, node in enumerate(row)] for swap in swapped)]


def crossings(rows: Iterable[Sequence[Node]], links: list[Link]) -> tuple[int, int]:
    """How often arrows cross, and how far they go sideways, in half places."""
    place = {node: (number, 2 * at - len(row)) for number, row in enumerate(rows) for at, node in enumerate(row)}
    spans = [(place[low][0], place[high][1], place[low][1]) for high, low in links]
    crossed = sum(
        one[0] == other[0] and (one[1] - other[1]) * (one[2] - other[2]) < 0
        for at, one in enumerate(spans)
        for other in spans[:at]
    )
    return crossed, sum(abs(high - low) for _, high, low in spans)


def columns(rows: list[list[Node]], links: list[Link], width: int, sizes: Sizes) -> dict[Node, int]:
    """The middle of each node: near to what it is tied to, and never over its neighbour."""
    tied: dict[Node, list[Node]] = {}
    for high, low in links:
        tied.setdefault(high, []).append(low)
        tied.setdefault(low, []).append(high)
    middle = {node: width // 2 for row in rows for node in row}
    for _ in range(12):
        for row in [*rows, *reversed(rows)]:
            wanted = {node: sum(middle[other] for other in tied[node]) // len(tied[node]) for node in row}
            middle |= spread(row, wanted, width, sizes)
    straighten(rows, middle, width, sizes)
    return middle


def spread(row: list[Node], wanted: dict[Node, int], width: int, sizes: Sizes) -> dict[Node, int]:
    """A floor's nodes where they are wanted, but side by side and inside the picture."""
    middle = {}
    least = sizes.edge
    for node in row:
        middle[node] = max(wanted[node], least + sizes.width(node) // 2)
        least = middle[node] + sizes.width(node) // 2 + sizes.gap
    most = width - sizes.edge
    for node in reversed(row):
        middle[node] = min(middle[node], most - sizes.width(node) // 2)
        most = middle[node] - sizes.width(node) // 2 - sizes.gap
    return middle


def straighten(rows: list[list[Node]], middle: dict[Node, int], width: int, sizes: Sizes) -> None:
    """Let an arrow pass its floors straight down, where nothing is in the way."""
    passing: dict[Node, list[tuple[Node, int, int]]] = {}
    for row in rows:
        for at, node in enumerate(row):
            if len(node) == 3:
                left = middle[row[at - 1]] + sizes.width(row[at - 1]) // 2 + sizes.gap if at else sizes.edge
                after = row[at + 1] if at + 1 < len(row) else None
                right = middle[after] - sizes.width(after) // 2 - sizes.gap if after else width - sizes.edge
                passing.setdefault(node[:2], []).append((node, left + sizes.lane // 2, right - sizes.lane // 2))
    for lane in passing.values():
        least, most = max(left for _, left, _ in lane), min(right for _, _, right in lane)
        if least <= most:
            column = sorted(middle[node] for node, _, _ in lane)[len(lane) // 2]
            middle |= {node: min(max(column, least), most) for node, _, _ in lane}
