"""Draws the status of a hot folder on a terminal of any size."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from daemon.commands.status import Snapshot
from daemon.commands.terminal import COLOURS
from daemon.jobs import Grade, attempt_numbered
from daemon.journal import JobRow
from daemon.logs.fitted import columns, shortened
from daemon.states import State, is_done
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.promise_texts import promises_text
from daemon.words.said import sentence

MOST_OBSTACLES = 2
LOW = 22  # lines; a lower terminal has no room for empty lines


def draw(snapshot: Snapshot, width: int, height: int) -> RenderableType:
    """The whole screen: the most important things first, and the last results as far as there is room."""
    gap = [Text()] if height >= LOW else []
    top: list[RenderableType] = [
        _title(snapshot),
        *_obstacles(snapshot),
        *gap,
        _grades(snapshot, width),
        *gap,
        *_running(snapshot, width, most=max(1, height // 6 - 1)),
        *gap,
        *_engines(snapshot, width, most=max(1, height // 8 - 1)),
        *gap,
    ]
    options = Console(width=width, height=height)
    used = sum(len(options.render_lines(part)) for part in top)
    return Group(*top, *_latest(snapshot, width, most=max(1, height - used - 1)))


def duration(seconds: float) -> str:
    """A length of time as people say it: "40 s", "12 min", "2 h 05 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def _title(snapshot: Snapshot) -> RenderableType:
    counts = snapshot.counts.states
    work = f"{counts[State.RUNNING] + counts[State.PUBLISHING]} running, {counts[State.WAITING]} waiting"
    pace = f"{snapshot.pace * 60:.1f} photos a minute" if snapshot.pace else "nothing finished lately"
    left = f", about {duration(snapshot.seconds_left)} left" if snapshot.seconds_left else ""
    clock = datetime.fromtimestamp(snapshot.at).strftime("%H:%M:%S")
    lines = Table.grid(expand=True)
    lines.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    lines.add_column(justify="right", no_wrap=True)
    name = Text.assemble(("Freisteller ", "bold"), snapshot.root)
    is_told = any(each["name"] == "paused" for each in _found(snapshot)[:MOST_OBSTACLES])  # below, with by whom
    lines.add_row(name, Text(f"paused; {work}" if snapshot.paused and not is_told else work))
    lines.add_row(Text(pace + left, style="dim"), Text(clock, style="dim"))
    return lines


def _obstacles(snapshot: Snapshot) -> list[RenderableType]:
    """What keeps photos from being done, as the daemon judges it."""
    told = _found(snapshot)[:MOST_OBSTACLES]
    return [Text(f"{sentence(each['text'])} {each['do']}", style="yellow") for each in told]


def _found(snapshot: Snapshot) -> list[dict[str, str]]:
    found: list[dict[str, str]] = snapshot.page.get("obstacles", []) if snapshot.page else []
    return found


class _FileName:
    """A file name; where it does not fit, its middle is left out, since its end tells files apart."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(shortened(self._name, max(3, options.max_width)), no_wrap=True)

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(3, options.max_width), min(columns(self._name), options.max_width))


def _grades(snapshot: Snapshot, width: int) -> RenderableType:
    """The count and the share of each grade, as a bar."""
    counts = [(grade, snapshot.counts.grades[grade]) for grade in Grade]
    ends = [*counts, (None, snapshot.counts.states[State.FAILED])]
    total = sum(count for _, count in ends)
    room = max(10, width - 34)
    table = Table.grid(padding=(0, 1))
    for justify in ("left", "right", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for grade, count in ends:
        share = count / total if total else 0.0
        bar = Text("█" * max(round(share * room), 1 if count else 0), style=COLOURS[grade])
        table.add_row(grade.value if grade else "failed", f"{count:,}", f"{share:.1%}" if total else "", bar)
    return table


def _running(snapshot: Snapshot, width: int, most: int) -> list[RenderableType]:
    """The photos in work. Only the daemon knows their stage and their seconds; it knows no names."""
    entries = {entry.job.id: entry for entry in snapshot.running}
    if snapshot.page is None:
        shown = [(entry.job.name, "", "", f"attempt {len(entry.job.attempts) + 1}") for entry in snapshot.running]
    else:
        shown = [
            (
                entries[each["job"]].job.name if each["job"] in entries else each["job"],
                str(each["stage"]),
                f"{each['seconds']:.1f} s",
                f"attempt {each['attempts'] + 1}",
            )
            for each in snapshot.page["running"]
        ]
    table = _table(width, ("left", "right", "left"))
    for row in shown[:most]:
        table.add_row(_FileName(row[0]), *row[1:])
    if len(shown) > most:
        table.add_row(Text(f"and {len(shown) - most} more", style="dim"), "", "", "")
    title = Text(f"Running ({len(shown)})", style="bold")
    return [title, table if shown else Text("nothing", style="dim")]


def _engines(snapshot: Snapshot, width: int, most: int) -> list[RenderableType]:
    title = Text("Engines", style="bold")
    if snapshot.page is None:
        return [title, Text(snapshot.silence, style="yellow")]
    table = _table(width, ("left", "left"))
    servers = sorted(snapshot.page["servers"], key=lambda server: bool(server["up"]))  # the ones in trouble first
    for server in servers[:most]:
        state = Text("up", style="green") if server["up"] else Text("down", style="bold red")
        without = f", without {', '.join(server['paused'])}" if server["paused"] else ""  # models set aside there
        table.add_row(Text(str(server["server"])), state, f"{server['in_hand']} in hand{without}")
    if len(servers) > most:
        table.add_row(Text(f"and {len(servers) - most} more", style="dim"), "", "")
    return [title, table]


def _latest(snapshot: Snapshot, width: int, most: int) -> list[RenderableType]:
    table = _table(width, ("left", "right", "right"))
    for entry in snapshot.latest[:most]:
        job = entry.job
        best = attempt_numbered(job.attempts, job.best)
        rim, limits = (best.verdict.rim, best.verdict.limits) if best and best.verdict else (None, None)
        score = "" if job.score is None else promises_text(job.score, rim, limits, words_in(LANGUAGES[0]))
        table.add_row(_FileName(job.name), _end(entry), score, f"{job.worked_seconds:.1f} s")
    return [Text("Last results", style="bold"), table] if snapshot.latest else []


def _end(entry: JobRow) -> Text:
    job = entry.job
    if job.grade:
        return Text(job.grade.value, style=COLOURS[job.grade])
    if is_done(job.state):
        return Text("duplicate", style="dim")
    return Text(job.state.value, style=COLOURS[None])


def _table(width: int, others: Sequence[Literal["left", "right"]]) -> Table:
    """A name that takes the room that is left, then columns of a few words."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.width = width
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for justify in others:
        table.add_column(justify=justify, no_wrap=True, min_width=8)
    return table
