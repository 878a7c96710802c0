"""Words the notices of outages: that one began, or is over, and what keeps photos waiting all the same."""

from collections.abc import Mapping
from typing import Literal

from daemon.notify.notices import Notice, failure_facts, shortened
from daemon.observe.obstacles import Obstacle
from daemon.words.catalogue import N_, Texts
from daemon.words.said import said_in, sentence

OutagePart = Literal["engine", "share", "disk", "journal"]
PARTS: Mapping[str, OutagePart] = {
    "root_away": "share",
    "root_disk_full": "disk",
    "state_disk_full": "disk",
    "journal_locked": "journal",
    "no_engine": "engine",
    "engine_refuses": "engine",
}
"""What is missing, by the name of the obstacle. The other obstacles are no outage."""
_BEGAN: Mapping[str, str] = {
    "root_away": N_("Freisteller waits because the hot folder is away: %(reason)s"),
    "root_disk_full": N_("Freisteller waits because there is no room: %(reason)s"),
    "state_disk_full": N_("Freisteller waits because there is no room: %(reason)s"),
    "journal_locked": N_("Freisteller waits because the journal is locked: %(reason)s"),
    "no_engine": N_("Freisteller waits because no engine works: %(reason)s"),
    "engine_refuses": N_("Photos wait because an engine lacks what they need: %(reason)s"),
}
_BACK: Mapping[OutagePart, str] = {
    "engine": N_("Freisteller goes on: an engine works again, after %(time)s."),
    "share": N_("Freisteller goes on: the hot folder is back, after %(time)s."),
    "disk": N_("Freisteller goes on: there is room again, after %(time)s."),
    "journal": N_("Freisteller goes on: the journal can be written again, after %(time)s."),
}
_BACK_BUT: Mapping[OutagePart, str] = {
    "engine": N_("An engine works again, after %(time)s, but photos still wait: %(reason)s"),
    "share": N_("The hot folder is back, after %(time)s, but photos still wait: %(reason)s"),
    "disk": N_("There is room again, after %(time)s, but photos still wait: %(reason)s"),
    "journal": N_("The journal can be written again, after %(time)s, but photos still wait: %(reason)s"),
}


def outage_began(part: OutagePart, obstacle: Obstacle, at: float, words: Texts) -> Notice:
    """Work stands still because an engine, the share or room on the disk is missing. Users know it as "paused"."""
    why = shortened(obstacle.text, words)
    facts = {"part": part, "obstacle": obstacle.name, "reason": why, "do": said_in(obstacle.do, words)}
    text = f"{sentence(words.say(_BEGAN[obstacle.name], reason=why))} {facts['do']}"
    return Notice("paused", text, at, {**facts, **failure_facts(obstacle.text)})


def outage_over(part: OutagePart, seconds: float, still: Obstacle | None, at: float, words: Texts) -> Notice:
    """An outage of so many seconds is over. still: what keeps all photos waiting all the same; None = work goes on.

    Users know it as "resumed".
    """
    time, why = _duration(seconds, words), shortened(still.text, words) if still else ""
    text = words.say(_BACK_BUT[part], time=time, reason=why) if still else words.say(_BACK[part], time=time)
    facts = {"part": part, "seconds": round(seconds), "obstacle": still.name if still else "", "reason": why}
    return Notice("resumed", text, at, {**facts, **failure_facts(still.text if still else "")})


def _duration(seconds: float, words: Texts) -> str:
    minutes = round(seconds / 60)
    if minutes >= 60:
        return words.say("%(h)s h %(m)s min", h=minutes // 60, m=minutes % 60)
    return words.say("%(n)s min", n=max(1, minutes))
