"""Habits: feedback by moving files."""

import shutil
from pathlib import Path

from benchmarks.habits_place import Place, Seen, listed, situation


def _one_result(place: Place, outputs: str = "") -> Path:
    place.settings(outputs=outputs)
    place.drop("a.jpg")
    place.start()
    place.done(1)
    place.wait(lambda: place.results(), 10)
    return place.root / place.results()[0]


def _elsewhere(place: Place, result: Path) -> Path:
    other = "gut" if result.parent.name != "gut" else "ungenügend"
    folder = place.root / other
    folder.mkdir(exist_ok=True)
    return folder / result.name


@situation("34", "a result is copied to another grade; ten seconds later the old one is deleted", "a verdict")
def copied_then_deleted(place: Place) -> Seen:
    result = _one_result(place)
    shutil.copy2(result, _elsewhere(place, result))
    place.wait(lambda: False, 10)
    result.unlink()
    told = place.wait(lambda: place.verdicts() == 1, 20)
    return place.seen(told, f"{place.verdicts()} verdicts; {listed(place.names('sehr_gut', 'gut'))}", results=1)


@situation("35", "png and jpeg; the JPEG is moved", "a verdict; PNG and report follow")
def other_format_moved(place: Place) -> Seen:
    result = _one_result(place, 'formats = ["png", "jpeg"]')
    jpeg = result.with_suffix(".jpg")
    (jpeg).rename(_elsewhere(place, jpeg))
    told = place.wait(lambda: place.verdicts() == 1 and not place.names(result.parent.name), 20)
    return place.seen(told, f"{place.verdicts()} verdicts; {listed(place.names('sehr_gut', 'gut'))}", results=1)


@situation("36", "a result is saved anew by an editor that drops metadata, then moved", "a verdict; the report follows")
def edited_then_moved(place: Place) -> Seen:
    from PIL import Image

    result = _one_result(place)
    with Image.open(result) as picture:
        picture.load()
        Image.frombytes(picture.mode, picture.size, picture.tobytes()).save(result.with_name("ps1A2B.tmp"), "PNG")
    result.unlink()
    (result.with_name("ps1A2B.tmp")).rename(result)
    place.wait(lambda: False, 2)
    (result).rename(_elsewhere(place, result))
    told = place.wait(lambda: place.verdicts() == 1 and not place.names(result.parent.name), 20)
    return place.seen(told, f"{place.verdicts()} verdicts; {listed(place.names('sehr_gut', 'gut'))}", results=1)


@situation("39", "a result of k1 is copied into inbox/k2, which has an order", "done by k2's order, in k2")
def copied_into_another_order(place: Place) -> Seen:
    (place.inbox / "k2").mkdir(parents=True)
    (place.inbox / "k2" / "freisteller.toml").write_text('[outputs]\nformats = ["mask"]\n')
    place.drop("k1/a.jpg")
    place.start()
    place.done(1)
    shutil.copyfile(place.root / place.results()[0], place.inbox / "k2" / "a.png")
    place.done(2)
    place.wait(lambda: False, 1)
    masks = [name for name in place.results("-mask.png") if "/k2/" in name]
    return Seen(len(masks) == 1, listed(place.results()))


@situation("40", "half a JPEG fails; it is mended in failed/ and moved to inbox/", "count, note and retry agree")
def mended(place: Place) -> Seen:
    whole = place.drop("a.jpg").read_bytes()
    (place.inbox / "a.jpg").write_bytes(whole[: len(whole) // 2])
    place.start()
    place.wait(lambda: place.said("job_failed"), 30)
    failed = place.root / "failed" / "a.jpg"
    place.wait(failed.exists, 10)
    failed.write_bytes(whole)
    (failed).rename(place.inbox / "a.jpg")
    done = place.done(1)
    place.wait(lambda: not place.names("failed"), 10)
    left = place.asked("SELECT count(*) FROM jobs WHERE state = 'failed'")[0][0]
    still = place.names("failed")
    happened = f"{left} failed jobs; failed/ has {listed(still)}"
    return place.seen(done and not left and not still, happened, results=1, originals=1)


@situation("41", "a picture of one's own in sehr_gut/ with the name of a result to come", "never touched")
def own_picture(place: Place) -> Seen:
    own = place.root / "sehr_gut" / "a.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"my own")
    place.drop("a.jpg")
    place.start()
    place.done(1)
    return place.seen(own.read_bytes() == b"my own", listed(place.results()), results=2, originals=1)
