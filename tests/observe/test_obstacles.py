"""What keeps photos from being done: each cause by its own name, in words that are true."""

from daemon.engines.contract import ServerHealth
from daemon.errors import EngineMisconfigured, NoRoom, RootAway, Said
from daemon.observe.labels import OBSTACLES
from daemon.observe.obstacles import Reports, Room, judge, server_reasons, timed

GIB = 1024**3
ROOT, STATE = Room("/hot", GIB), Room("/state", GIB)
UP = ServerHealth("gpu1:8188", True)
DOWN = ServerHealth("gpu2:8188", False, "gpu2:8188 cannot be reached: refused")


def names(reports: Reports) -> list[str]:
    return [each.name for each in judge(reports)]


def test_nothing_keeps_photos_while_all_is_well() -> None:
    assert judge(Reports(servers=(UP,), waits={}, root=ROOT, state=STATE)) == ()


def test_a_share_that_is_away_is_no_full_disk() -> None:
    (one,) = judge(Reports(root_trouble=RootAway(Said("mount_gone", folder="/hot")), root=ROOT, state=STATE))

    assert one.name == "root_away"
    assert "/hot" in one.text


def test_each_full_disk_is_told_by_its_own_path() -> None:
    found = judge(Reports(root=Room("/hot", 0), state=Room("/state", 4096)))

    assert [(each.name, each.text) for each in found] == [
        ("root_disk_full", "The disk of the hot folder /hot is full."),
        ("state_disk_full", "The disk of the state directory /state is full."),
    ]


def test_a_disk_with_some_room_that_refused_a_large_file_counts_as_full() -> None:
    refused = Said("result_not_written", name="a.png", folder="/hot", fault="no space")

    assert names(Reports(root=Room("/hot", GIB, refused))) == ["root_disk_full"]


def test_a_hot_folder_that_cannot_be_written_keeps_its_own_words() -> None:
    (one,) = judge(Reports(root_trouble=NoRoom(Said("root_read_only", folder="/hot"))))

    assert one.name == "root_disk_full"
    assert "read-only" in one.text


def test_a_photo_that_finds_the_state_disk_full_says_nothing_of_the_hot_folders() -> None:
    trouble = NoRoom(Said("journal_no_room", path="/state/journal.sqlite3", detail="full"))

    assert names(Reports(root_trouble=trouble, root=ROOT, state=Room("/state", 0))) == ["state_disk_full"]
    both = Reports(root_trouble=trouble, root=Room("/hot", 0), state=Room("/state", 0))
    assert names(both) == ["root_disk_full", "state_disk_full"]


def test_a_disk_whose_room_nobody_knows_is_not_full() -> None:
    assert names(Reports(root=Room("/hot", None))) == []


def test_without_any_server_each_one_is_told_once_with_its_own_reason() -> None:
    (one,) = judge(Reports(servers=(DOWN, ServerHealth("gpu3:8188", False, "the password is wrong"))))

    assert one.name == "no_engine"
    assert one.text == "gpu2:8188 cannot be reached: refused; gpu3:8188: the password is wrong"


def test_a_node_missing_on_the_live_server_is_not_blamed_on_the_dead_one() -> None:
    missing = Said.again("gpu1:8188 lacks the node Rembg")

    (one,) = judge(Reports(servers=(UP, DOWN), waits={EngineMisconfigured.reason: missing}))

    assert (one.name, one.text) == ("engine_refuses", missing)


def test_a_live_server_that_lacks_something_is_told_beside_the_dead_one() -> None:
    lacking = ServerHealth("gpu1:8188", True, "the node Rembg is missing", set_aside=("rmbg",))

    assert server_reasons((lacking, DOWN)) == (
        "gpu1:8188: the node Rembg is missing; gpu2:8188 cannot be reached: refused"
    )


def test_a_dead_server_beside_a_live_one_keeps_no_photo() -> None:
    assert names(Reports(servers=(UP, DOWN))) == []


def test_the_worst_comes_first() -> None:
    found = names(
        Reports(
            left_alone=2,
            wrong_orders=("inbox/a/freisteller.toml is wrong.",),
            paused_at=5.0,
            servers=(DOWN,),
            state=Room("/state", 0),
            root_trouble=RootAway("gone"),
            waits={"engine_away": Said.again("no server")},
            next_try_at=9.0,
        )
    )

    assert found == [
        "root_away", "state_disk_full", "no_engine", "paused", "back_off", "order_wrong", "left_alone"
    ]  # fmt: skip
    assert set(found) < set(OBSTACLES)


def test_a_pause_says_who_paused_and_since_when() -> None:
    (one,) = judge(Reports(paused_at=5.0, paused_by="anna"))

    assert (one.text, one.since) == ("anna has paused the work; no photo is started.", 5.0)


def test_an_obstacle_keeps_the_time_when_it_was_first_seen() -> None:
    seen = timed(judge(Reports(servers=(DOWN,))), (), 10.0)

    later = timed(judge(Reports(servers=(DOWN,), root=Room("/hot", 0))), seen, 20.0)

    assert [(each.name, each.since) for each in later] == [("root_disk_full", 20.0), ("no_engine", 10.0)]


def test_every_obstacle_says_what_to_do() -> None:
    found = judge(Reports(root_trouble=RootAway("gone"), state=Room("/state", 0), servers=(DOWN,), paused_at=1.0))

    assert all(each.do and not each.do.startswith("obstacle_") for each in found)


def test_a_server_that_lacks_a_node_is_named_and_not_taken_for_one_that_is_down() -> None:
    lacking = ServerHealth("gpu1:8188", False, "gpu1:8188 has no node RMBG.", set_aside=("BEN2",))
    (one,) = judge(Reports(servers=(lacking, DOWN), waits={}))
    assert one.name == "engine_refuses"
    assert one.text == "gpu1:8188 has no node RMBG. gpu2:8188 cannot be reached: refused"
