"""Does everything that speaks say the truth? Drives a real daemon through each trouble, and compares what is said.

    sudo .venv/bin/python -m benchmarks.truth_at_night [--only share,paused]

For each trouble: a new hot folder and state directory on small disks, two ComfyUI doubles, `freisteller run`, a webhook
and a Prometheus with grafana/rules. Then `status --json`, `doctor --json`, `/readyz`, the gauge `freisteller_obstacle`
and the notices that the webhook received must name what was done, first, and nothing that was not; a notice of an
outage must give the reason that the port gives when it comes. Pages are the alerts of severity "page" that
fire and that grafana/alertmanager.yml does not inhibit; a `for:` of a minute lasts a second here. It takes some ten
minutes. The last line is one JSON object: wanted are 14 troubles or more, all told rightly, 0 contradictions, at most 1
page for each.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.night_scene import CHANNELS, Scene, Told, paging, prometheus, rights
from tests.drawing import save_photo
from tests.observe.prometheus import Prometheus
from tests.test_full_state_disk import fill

WATCH_SECONDS = 14.0  # for pages: longer than the longest `for:` that is to fire, ten minutes made ten seconds
TOLD_SECONDS = 45.0
NOTHING: frozenset[str] = frozenset()
SET_ASIDE = frozenset({"model_paused", "engine_refuses"})  # a model that fails everywhere is both
WAITS = frozenset({"back_off"})  # is true beside most outages, after the cause


@dataclass(frozen=True)
class Trouble:
    """make: does it, and returns once it is done. obstacle: what must be named first, one of these; none = nothing.

    also: what may be named after it. part: of the notice that must come; "" = none has to. before: what a
    notice may have named that is over by now. check: what else is wrong.
    """

    name: str
    make: Callable[[Scene], None]
    obstacle: frozenset[str] = NOTHING
    also: frozenset[str] = NOTHING
    part: str = ""
    before: frozenset[str] = NOTHING
    check: Callable[[Scene, Told], str] = lambda _scene, _told: ""
    speaks: bool = True


def nothing_to_do(scene: Scene) -> None:
    scene.start()
    scene.inbox()


def share_away(scene: Scene) -> None:
    import subprocess

    scene.start()
    scene.drop("a.png")
    scene.until(lambda: scene.ended("a.png"))
    subprocess.run(["umount", "--lazy", str(scene.root)], check=True)


def root_disk_full(scene: Scene) -> None:
    scene.start()
    scene.servers[0].set_faults({"hold": True})
    scene.servers[1].set_faults({"hold": True})
    scene.inbox()
    scene.drop("a.png", "b.png")
    scene.until(lambda: any(server.inferences or server.requests for server in scene.servers))
    fill(scene.root)
    for server in scene.servers:
        server.set_faults({"hold": False})


def state_disk_full(scene: Scene) -> None:
    scene.start()
    scene.inbox()
    fill(scene.state)
    scene.drop("a.png", "b.png")


def only_server_down(scene: Scene) -> None:
    scene.start(servers=1)
    scene.inbox()
    scene.servers[0].die()
    scene.drop("a.png")


def one_of_two_down(scene: Scene) -> None:
    scene.start()
    scene.inbox()
    scene.servers[1].die()
    scene.drop("a.png", "b.png")
    scene.until(lambda: scene.ended("a.png", "b.png"))


def node_missing(scene: Scene) -> None:
    scene.servers[0].set_faults({"missing_nodes": ["RMBG"]})
    scene.start()
    scene.inbox()
    scene.servers[1].die()
    scene.drop("a.png")


def model_fails(scene: Scene) -> None:
    for server in scene.servers:
        server.set_faults({"fail": "index out of range", "fail_prompts": -1})
    scene.start()
    scene.inbox()
    scene.drop(*(f"{letter}.png" for letter in "abcdefgh"))


def paused(scene: Scene) -> None:
    scene.start()
    scene.inbox()
    scene.command("pause")
    scene.drop("a.png")


def refused_photos(scene: Scene) -> None:
    for server in scene.servers:
        server.set_faults({"status": 503, "status_paths": ["/prompt"]})
    scene.start()
    scene.inbox()
    scene.drop("a.png")


def order_wrong(scene: Scene) -> None:
    scene.start()
    order = scene.inbox() / "shoes"
    order.mkdir()
    (order / "freisteller.toml").write_text("[outputs]\nformat = 'gif'\n", "utf-8")
    scene.drop("shoes/a.png")


def left_alone(scene: Scene) -> None:
    scene.start()
    (scene.inbox() / "catalogue.pdf").write_bytes(b"%PDF-1.7\n" + bytes(2000))


def journal_damaged(scene: Scene) -> None:
    nothing_to_do(scene)
    scene.drop("a.png")
    scene.until(lambda: scene.ended("a.png"))
    scene.stop()
    journal = next(scene.state.glob("journal.sqlite3"))
    for beside in scene.state.glob("journal.sqlite3-*"):
        beside.unlink()
    journal.write_bytes(b"not a database" * 400)
    scene.start()


def engine_back(scene: Scene) -> None:
    only_server_down(scene)
    scene.until(scene.put_off)
    time.sleep(5)  # so that the photo waits in back-off
    scene.servers[0].revive()


def damaged_photo(scene: Scene) -> None:
    scene.start()
    scene.inbox()
    whole = save_photo(scene.folder / "half.jpg").read_bytes()
    (scene.root / "inbox" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    scene.until(lambda: any((scene.root / "failed").glob("half*.jpg")))


def stop_with_work(scene: Scene) -> None:
    for server in scene.servers:
        server.set_faults({"hold": True})
    scene.start()
    scene.inbox()
    scene.drop("a.png", "b.png", "c.png")
    scene.until(lambda: not any((scene.root / "inbox").glob("*.png")))
    scene.stop()


def done_soon(scene: Scene, _: Told) -> str:
    return "" if scene.ended("a.png") else "the photo that was put off still waits"


def servers_counted(_: Scene, told: Told) -> str:
    up = [value for name, _, value in told.samples if name == "freisteller_engine_up"]
    return "" if sorted(up) == [0, 1] else f"engine_up says {up}"


def failure_named(_: Scene, told: Told) -> str:
    page = told.pages["status"]
    failed = page.get("failed") if isinstance(page, dict) else None
    if not failed or "half" not in failed[0].get("name", ""):
        return f"status does not list the failed photo: {failed}"
    reasons = [labels["reason"] for name, labels, v in told.samples if name == "freisteller_failures_total" and v]
    if not reasons or reasons == ["bad_photo"]:
        return f"metrics say {reasons}"
    if not any(notice["event"] == "failed" and "half.jpg" in notice["text"] for notice in told.notices):
        return "no notice names it"
    return ""


def stop_told(scene: Scene, _: Told) -> str:
    assert scene.daemon
    log = (scene.folder / "daemon.log").read_text("utf-8")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    if scene.daemon.says("3 photos go on at the next start"):
        loud = [each["message"] for each in lines if each["level"] in ("warning", "error")]
        return f"a stop is no warning: {loud[0]}" if loud else ""
    return f"the stop says: {lines[-1]['message'] if lines else log[-200:]}"


def pause_by(_: Scene, told: Told) -> str:
    page = told.pages["status"]
    texts = [each["text"] for each in page.get("obstacles") or ()] if isinstance(page, dict) else []
    return "" if any("paused" in text.lower() for text in texts) else f"status says {texts}"


TROUBLES = (
    Trouble("nothing", nothing_to_do),
    Trouble("share away", share_away, frozenset({"root_away"}), WAITS, "share"),
    Trouble("hot folder's disk full", root_disk_full, frozenset({"root_disk_full"}), WAITS, "disk"),
    Trouble("state disk full", state_disk_full, frozenset({"state_disk_full"}), WAITS, "disk"),
    Trouble("only server down", only_server_down, frozenset({"no_engine"}), WAITS, "engine"),
    Trouble("one of two servers down", one_of_two_down, check=servers_counted),
    Trouble("node missing, other server down", node_missing, frozenset({"engine_refuses"}), WAITS, "engine"),
    Trouble("model always fails", model_fails, SET_ASIDE, SET_ASIDE | WAITS, "engine"),
    Trouble("paused by a person", paused, frozenset({"paused"}), check=pause_by),
    Trouble(
        "server refuses every photo", refused_photos, frozenset({"back_off", "no_engine", "engine_refuses"}), WAITS
    ),
    Trouble("order wrong", order_wrong, frozenset({"order_wrong"})),
    Trouble("file left alone", left_alone, frozenset({"left_alone"})),
    Trouble("journal damaged", journal_damaged, frozenset({"journal_damaged"})),
    Trouble("engine back", engine_back, before=frozenset({"no_engine"}), check=done_soon),
    Trouble("damaged photo", damaged_photo, check=failure_named),
    Trouble("stop with work", stop_with_work, check=stop_told, speaks=False),
)


def wrong(trouble: Trouble, scene: Scene, told: Told) -> tuple[list[str], list[str]]:
    """What was not told, and what was told that contradicts what was done."""
    missing, false = [], []
    for channel in CHANNELS if trouble.speaks else ():
        names = told.obstacles.get(channel)
        if names is None:
            missing.append(f"{channel} tells no obstacles")
            continue
        if trouble.obstacle and not trouble.obstacle.intersection(names if channel == "metrics" else names[:1]):
            missing.append(f"{channel} says {names or 'nothing'}")
        if untrue := [name for name in names if name not in trouble.obstacle | trouble.also]:
            false.append(f"{channel} says {', '.join(untrue)}")
    if trouble.speaks:
        compare_notices(trouble, scene, told, missing, false)
    return missing, false


def compare_notices(trouble: Trouble, scene: Scene, told: Told, missing: list[str], false: list[str]) -> None:
    """What the hook received must name what was done, and give the reason that the port gave when it came."""
    outages = told.open_outages()
    if trouble.part and trouble.part not in outages:
        missing.append("no notice")
    lasting = [each["obstacle"] for each in outages.values() if each["obstacle"] not in trouble.obstacle | trouble.also]
    false += [f"a notice says {name}, and none that it is over" for name in lasting]
    for notice, obstacles in scene.beside:
        there = {each["name"]: each["text"] for each in obstacles}
        if there.get(notice["obstacle"], "")[:300] != notice["reason"]:
            false.append(f"a notice says {notice['reason']!r}, and /readyz then {there}")
    begun = {notice["obstacle"] for notice in told.notices if notice["event"] == "paused"}
    if untrue := begun - trouble.obstacle - trouble.also - trouble.before:
        false.append(f"a notice said {', '.join(sorted(untrue))}")


def all_say(trouble: Trouble, scene: Scene) -> bool:
    """Whether the port says by now what it should; asked first, since it costs little."""
    page = scene.page("/readyz")
    names = {each["name"] for each in page.get("obstacles") or ()} if isinstance(page, dict) else set()
    return bool(names & trouble.obstacle) if trouble.obstacle else not names - trouble.also


def watch(server: Prometheus, scene: Scene, trouble: Trouble) -> Told:
    """Wait until the port says it, or much time has passed; listen; then count pages."""
    if trouble.speaks:
        scene.until(lambda: all_say(trouble, scene), TOLD_SECONDS)
        if trouble.check is done_soon:
            scene.until(lambda: scene.ended("a.png"), TOLD_SECONDS)
    time.sleep(3)  # gauges are set by turns
    told = scene.listen()
    ends = time.monotonic() + WATCH_SECONDS
    while trouble.speaks and time.monotonic() < ends:
        now = paging(server)
        time.sleep(1.0)
        told.paged |= now & paging(server)  # what lasts: Alertmanager groups and inhibits for some seconds first
    told.notices = list(scene.receiver.bodies)
    return told


def run(trouble: Trouble) -> tuple[list[str], list[str], Told]:
    """Do it once, in a scene of its own. Returns what was missing, what was false, and all that was told."""
    with tempfile.TemporaryDirectory(prefix="night-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        scene = Scene(folder, stack)
        server = stack.enter_context(prometheus(folder, scene.port))
        trouble.make(scene)
        told = watch(server, scene, trouble)
        missing, false = wrong(trouble, scene, told)
        if also := trouble.check(scene, told):
            missing.append(also)
        return missing, false, told


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD,WORD", help="only troubles with one of these in their name")
    given = parser.parse_args(arguments)
    if lacking := rights():
        parser.error(lacking)
    words = given.only.split(",")
    rows, contradictions, most_pages = [], 0, 0
    for trouble in [each for each in TROUBLES if any(word in each.name for word in words)]:
        try:
            missing, false, told = run(trouble)
        except Exception:  # noqa: BLE001 - the other troubles are still worth a look
            traceback.print_exc()
            missing, false, told = ["the trial itself failed"], [], Told()
        right = not missing and not false
        rows.append(right)
        contradictions += len(false)
        most_pages = max(most_pages, len(told.paged))
        print(
            f"{'ok ' if right else 'BAD'} {trouble.name:<32} pages: {', '.join(sorted(told.paged)) or '-'}", flush=True
        )
        if not right:
            print(f"      {'; '.join([*missing, *(f'CONTRADICTION: {each}' for each in false)])}")
            print(f"      {told.sentences()}", flush=True)
    summary = {
        "troubles": len(rows),
        "told_rightly": sum(rows),
        "contradictions": contradictions,
        "pages_per_trouble_max": most_pages,
    }
    print(json.dumps(summary))
    return 0 if all(rows) and not contradictions and most_pages <= 1 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
