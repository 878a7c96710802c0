"""Habits: orders."""

from benchmarks.habits_place import Place, Seen, listed, situation

MASKS = '[outputs]\nformats = ["mask"]\n'


@situation("28", "an order asks for masks; paused, three photos taken; folder renamed; resumed", "three masks")
def renamed_order(place: Place) -> Seen:
    (place.inbox / "job").mkdir(parents=True)
    (place.inbox / "job" / "freisteller.toml").write_text(MASKS)
    place.start()
    place.command("pause")
    for number in range(3):
        place.drop(f"job/{number}.jpg", number)
    place.wait(lambda: not place.names("inbox", end=".jpg"), 15)
    (place.inbox / "job").rename(place.inbox / "job done")
    place.command("resume")
    place.done(3)
    masks = place.results("_mask.png")
    return place.seen(len(masks) == 3, listed(place.results()), originals=3)


def _called(place: Place, name: str) -> Seen:
    (place.inbox / "job").mkdir(parents=True)
    (place.inbox / "job" / name).write_text(MASKS)
    place.drop("job/a.jpg")
    place.start()
    place.wait(lambda: place.said("job_done") or place.names("inbox", end="-error.txt"), 15)
    told = place.names("inbox", end="-error.txt")
    return Seen(bool(place.results("_mask.png") or told), listed([*place.results(), *told]))


for _number, _name in {
    "29a": "Freisteller.toml",
    "29b": "FREISTELLER.TOML",
    "29c": "freisteller.toml.txt",
    "29d": " freisteller.toml",
    "29e": "freisteller.toml ",
}.items():
    situation(_number, f"the order is called {_name!r}", "read, or refused with a note")(
        lambda place, name=_name: _called(place, name)  # type: ignore[misc]
    )


@situation("30", "the order is UTF-16", "read, or refused with a note")
def utf_16(place: Place) -> Seen:
    (place.inbox / "job").mkdir(parents=True)
    (place.inbox / "job" / "freisteller.toml").write_bytes(MASKS.encode("utf-16"))
    place.drop("job/a.jpg")
    place.start()
    place.wait(lambda: place.said("job_done") or place.names("inbox", end=".txt"), 15)
    return Seen(
        bool(place.results("_mask.png") or place.names("inbox", end="-error.txt")), listed(place.names("inbox"))
    )


@situation(
    "33", "a folder of folders moved into inbox/ by one rename, and a second of its name after", "all, none replaced"
)
def folder_of_folders(place: Place) -> Seen:
    place.start()
    for number in range(2):
        for name in ("x", "y"):
            path = place.drop(f"../away/set/{name}/a.jpg", 2 * number + (name == "y"))
        (path.parents[1]).rename(place.inbox / "set")
        place.done(2 * number + 2)
        place.wait(lambda: not place.names("inbox", end=".jpg"), 10)
        for empty in ("x", "y", ""):
            (place.inbox / "set" / empty).rmdir()
    return place.seen(True, listed(place.results()), results=4)
