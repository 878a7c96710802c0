"""Habits: file systems, links, mounts, and things that are tidied away."""

import os
import shutil
import subprocess

from benchmarks.habits_place import Cannot, Place, Seen, listed, situation


@situation("5", "a.jpg in inbox/, hard links b.jpg and c.jpg, then a start", "three results, three originals")
def hard_links(place: Place) -> Seen:
    first = place.drop("a.jpg")
    for name in ("b.jpg", "c.jpg"):
        os.link(first, first.with_name(name))
    place.start()
    done = place.done(3)
    return place.seen(done, listed(place.names("archiv")), results=3, originals=3)


@situation("6", "equal originals in archiv/ are linked by rdfind; one is put back", "a second round of that one")
def linked_archive(place: Place) -> Seen:
    if not shutil.which("rdfind"):
        raise Cannot("rdfind is not installed")
    for name in ("a.jpg", "b.jpg"):
        place.drop(name)
    place.start()
    place.done(2)
    archive = place.root / "archiv"
    subprocess.run(
        ["rdfind", "-makehardlinks", "true", str(archive)], cwd=place.folder, check=True, capture_output=True
    )
    (archive / "b.jpg").replace(place.inbox / "b.jpg")
    again = place.done(3)
    place.wait(lambda: (archive / "b.jpg").exists(), 10)
    return place.seen(again, listed([*place.results(), *place.names("archiv")]), results=2, originals=2)


@situation("7", "cp -al inbox backup, then a start", "results; the backup keeps names and bytes")
def linked_backup(place: Place) -> Seen:
    for number, name in enumerate(("a.jpg", "k/b.jpg")):
        place.drop(name, number)
    subprocess.run(["cp", "-al", str(place.inbox), str(place.folder / "backup")], check=True)
    place.start()
    place.done(2)
    kept = sorted(path.name for path in (place.folder / "backup").rglob("*.jpg"))
    return place.seen(kept == ["a.jpg", "b.jpg"], f"backup has {listed(kept)}", results=2, originals=2)


@situation("16", "the root is a mount; done, stopped, unmounted; doctor, then a start", "nothing is made, exit 75")
def unmounted(place: Place) -> Seen:
    if os.geteuid():
        raise Cannot("mounts need root")
    place.settings(state="hot/.state")
    place.root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(place.root)], check=True)
    try:
        place.drop("a.jpg")
        place.start()
        place.done(1)
        place.stop()
    finally:
        subprocess.run(["umount", str(place.root)], check=True)
    doctor = place.command("doctor")
    place.start("--once")
    place.wait(lambda: place.ended, 20)
    code = place.process.wait(20) if place.process and place.ended else None
    made = [path.name for path in place.root.iterdir()]
    return Seen(
        not made and code == 75 and doctor.returncode != 0,
        f"doctor {doctor.returncode}, start {code}, made {listed(made)}",
    )


@situation("18", ".freisteller/ deleted while stopped; a photo dropped; start", "said so; a way out is named")
def tidied(place: Place) -> Seen:
    place.drop("a.jpg")
    place.start()
    place.done(1)
    place.stop()
    shutil.rmtree(place.root / ".freisteller")
    place.drop("b.jpg", 1)
    place.start("--once")
    place.wait(lambda: place.ended, 20)
    text = place.folder.joinpath("daemon.log").read_text("utf-8")[-600:]
    return Seen("adopt" in text, text.splitlines()[-1][:200])


@situation("20", "the root is a symbolic link, turned to another folder while it runs; a photo dropped there", "told")
def turned_link(place: Place) -> Seen:
    one, two = place.folder / "one", place.folder / "two"
    for each in (one, two):
        (each / "inbox").mkdir(parents=True)
    place.root.symlink_to("one")
    place.start()
    place.drop("a.jpg")
    place.done(1)
    place.root.unlink()
    place.root.symlink_to("two")
    place.drop("b.jpg", 1)
    told = place.wait(lambda: any(line["level"] in ("warning", "error") for line in place.lines()), 15)
    return Seen(told, place.lines()[-1]["message"][:200])


@situation(
    "21", "an old copy of the journal is put back; start; an original done since is put back", "its second round"
)
def old_journal(place: Place) -> Seen:
    place.drop("a.jpg")
    place.start()
    place.done(1)
    place.stop()
    shutil.copytree(place.folder / "state", place.folder / "old")
    for number, name in enumerate(("b.jpg", "c.jpg"), 1):
        place.drop(name, number)
    place.start()
    place.done(3)
    place.stop()
    shutil.rmtree(place.folder / "state")
    (place.folder / "old").replace(place.folder / "state")
    place.start()
    (place.root / "archiv" / "b.jpg").replace(place.inbox / "b.jpg")
    again = place.done(4)
    place.wait(lambda: (place.root / "archiv" / "b.jpg").exists(), 10)
    rows = place.asked("SELECT count(*) FROM jobs")[0][0]
    return place.seen(again and rows == 3, f"{rows} jobs; {listed(place.results())}", results=3, originals=3)
