"""What a place lacks, by what a shop shows and what the journal remembers."""

from pathlib import Path

from daemon.journal.shop_rows import ShopPicture, ShopPictureState
from daemon.shops.difference import Difference, difference
from daemon.shops.remote_names import remote_name
from daemon.shops.shop_contract import PictureToSend, Product, RemotePicture

OURS, EARLIER, THEIRS = "aa" * 32, "bb" * 32, "cc" * 32
PICTURE = PictureToSend(Path("a.jpg"), remote_name("shoe", 1, OURS, ".jpg"), "shoe", 1, OURS, 1, "image/jpeg")


def row(sha256: str, state: ShopPictureState, remote_id: str = "1") -> ShopPicture:
    return ShopPicture("mine", "shoe", 1, sha256, remote_id, state, "", 1.0)


def shown(sha256: str, id: str = "1") -> RemotePicture:
    return RemotePicture(id, remote_name("shoe", 1, sha256, ".jpg"))


def found(*pictures: RemotePicture, known: tuple[ShopPicture, ...] = ()) -> Difference:
    return difference(PICTURE, Product("p", "shoe", pictures), known)


def test_a_product_without_pictures_lacks_it() -> None:
    assert found() == Difference("new")


def test_pictures_of_the_owner_are_none_of_ours() -> None:
    owners = (RemotePicture("1", "front.jpg"), RemotePicture("2", ""), RemotePicture("3", "hat-main-aaaaaaaa.jpg"))

    assert found(*owners).what == "new"


def test_names_tell_what_the_journal_has_lost() -> None:
    assert found(shown(OURS)) == Difference("same", shown(OURS))
    assert found(shown(EARLIER)) == Difference("replaced", shown(EARLIER))


def test_the_journal_tells_what_a_shop_has_no_name_for() -> None:
    nameless = RemotePicture("https://shop.example/i/1")

    same = found(nameless, known=(row(OURS, "there", nameless.id),))
    replaced = found(nameless, known=(row(EARLIER, "there", nameless.id),))

    assert (same.what, same.settled) == ("same", True)
    assert replaced == Difference("replaced", nameless)


def test_what_the_journal_no_longer_holds_for_shown_does_not_count() -> None:
    nameless = RemotePicture("1")

    states: tuple[ShopPictureState, ...] = ("sending", "uploaded", "failed", "replaced")
    for state in states:
        assert found(nameless, known=(row(EARLIER, state),)).what == "new"


def test_a_name_that_was_kept_when_its_content_was_changed_misleads_nobody() -> None:
    known = (row(EARLIER, "replaced"), row(OURS, "there"))

    assert found(shown(EARLIER), known=known) == Difference("same", shown(EARLIER), begun=True, settled=True)


def test_what_somebody_else_sent_is_replaced() -> None:
    assert found(shown(THEIRS), known=(row(OURS, "there"),)) == Difference("replaced", shown(THEIRS))


def test_an_interrupted_exchange_is_gone_on_with() -> None:
    both = (shown(EARLIER, "1"), shown(OURS, "2"))

    assert found(*both, known=(row(EARLIER, "there", "1"), row(OURS, "sending", ""))) == Difference("replaced", both[0])


def test_a_picture_that_was_attached_and_not_yet_moved_is_not_settled() -> None:
    same = found(shown(OURS, "2"), known=(row(OURS, "uploaded", "2"),))

    assert (same.what, same.begun, same.settled) == ("same", True, False)


def test_an_upload_that_stands_nowhere_is_gone_on_with() -> None:
    assert found(known=(row(OURS, "uploaded", "7"),)) == Difference("new", None, "7")
    assert found(known=(row(EARLIER, "uploaded", "7"),)) == Difference("new")
