"""Habits: what comes into inbox/."""

import os
import shutil
import subprocess

from benchmarks.habits_place import Cannot, Place, Seen, listed, situation


@situation("43", "rsync -a of the same folder four times, equal_content = skip", "one result, one original, one note")
def rsync_again(place: Place) -> Seen:
    if not shutil.which("rsync"):
        raise Cannot("rsync is not installed")
    place.settings(intake='equal_content = "skip"')
    source = place.drop("../source/a.jpg").parent
    place.start()
    for _ in range(4):
        subprocess.run(["rsync", "-a", f"{source}/", f"{place.inbox}/"], check=True)
        place.wait(lambda: not place.names("inbox", end=".jpg"), 15)
        place.wait(lambda: not place.names(".freisteller/work"), 15)
    notes = place.names("archiv", end=".txt")
    return place.seen(len(notes) == 1, listed(place.names("archiv")), results=1, originals=1)


@situation("47", "an upload breaks, fails, and is sent anew", "one result, no failure left")
def sent_anew(place: Place) -> Seen:
    whole = place.drop("a.jpg").read_bytes()
    (place.inbox / "a.jpg").write_bytes(whole[: len(whole) // 2])
    place.start()
    place.wait(lambda: place.said("job_failed"), 30)
    place.wait(lambda: place.names("failed", end=".jpg"), 10)
    (place.inbox / "a.jpg").write_bytes(whole)
    place.done(1)
    place.wait(lambda: not place.names("failed"), 10)
    left = place.asked("SELECT count(*) FROM jobs WHERE state = 'failed'")[0][0]
    return place.seen(
        not left and not place.names("failed"), f"{left} failed; {listed(place.names('failed'))}", results=1
    )


@situation("59", "a symbolic link to a photo", "done, or told why not")
def symlink(place: Place) -> Seen:
    target = place.drop("../elsewhere/a.jpg")
    place.inbox.mkdir(parents=True, exist_ok=True)
    (place.inbox / "a.jpg").symlink_to(target)
    place.start()
    place.wait(lambda: False, 6)
    text = place.command("status").stdout
    return Seen(
        "a.jpg" in text or bool(place.said("job_done")), text.strip().splitlines()[-1][:150] if text else "no answer"
    )


@situation("62", "a photo dropped into the root itself, and into Inbox/", "told")
def beside(place: Place) -> Seen:
    place.start()
    place.drop("../b.jpg")
    place.drop("../Inbox/c.jpg")
    place.wait(lambda: False, 6)
    text = place.command("status").stdout + place.command("doctor").stdout
    told = [name for name in ("b.jpg", "Inbox") if name in text]
    return Seen(len(told) == 2, f"told: {listed(told)}")


@situation(
    "63", "a photo that cannot be moved (chattr +i), another one; then unlocked", "told; the other goes on; done later"
)
def locked(place: Place) -> Seen:
    if os.geteuid() or not shutil.which("chattr"):
        raise Cannot("chattr needs root")
    stuck = place.drop("a.jpg")
    if subprocess.run(["chattr", "+i", str(stuck)], check=False, capture_output=True).returncode:
        raise Cannot("this file system has no attribute i")
    try:
        place.start()
        place.drop("b.jpg", 1)
        place.done(1)
        place.wait(lambda: False, 6)
        told = "a.jpg" in place.command("status").stdout or any("a.jpg" in line["message"] for line in place.lines())
    finally:
        subprocess.run(["chattr", "-i", str(stuck)], check=False)
    done = place.done(2)
    return place.seen(told and done, f"told: {told}, done later: {done}", results=2, originals=2)


@situation("64", "paused; a photo dropped; it can be dragged out again", "it is still there")
def paused(place: Place) -> Seen:
    place.start()
    place.command("pause")
    photo = place.drop("a.jpg")
    place.wait(lambda: False, 4)
    return Seen(photo.exists(), "still there" if photo.exists() else "taken")
