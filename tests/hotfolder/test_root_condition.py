"""The condition of the hot folder: what the inbox loop records is what others read."""

from daemon.errors import NoRoom, RootAway
from daemon.hotfolder.root_condition import RootCondition


def test_a_hot_folder_counts_as_there_before_the_first_look() -> None:
    condition = RootCondition()

    assert condition.there
    assert condition.trouble is None


def test_trouble_is_read_as_it_was_recorded() -> None:
    condition, trouble = RootCondition(), RootAway("The share is away.")

    condition.record(trouble)

    assert not condition.there
    assert condition.trouble is trouble


def test_only_a_change_of_what_is_wrong_is_reported() -> None:
    condition = RootCondition()

    looks = (None, RootAway("away"), RootAway("still away"), NoRoom("full"), NoRoom("still full"), None, None)

    assert [condition.record(look) for look in looks] == [False, True, False, True, False, True, False]


def test_the_latest_trouble_counts() -> None:
    condition, latest = RootCondition(), NoRoom("full")

    condition.record(RootAway("away"))
    condition.record(latest)

    assert condition.trouble is latest
