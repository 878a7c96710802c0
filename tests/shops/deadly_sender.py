"""A process that sends to Shopify's double, and is killed (SIGKILL) before a request or a write of the journal."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.journal import Journal
from daemon.journal.shop_rows import ShopPictures
from daemon.settings.shop_section import ShopSettings
from daemon.shops.http_door import DoorLimits, HttpDoor
from daemon.shops.open_shop import open_shop
from daemon.shops.send_pictures import PictureSender
from tests.shops.pictures_to_send import picture_to_send
from tests.shops.shopify_double import TOKEN

SURVIVED = 7


def send_and_die(url: str, folder: str, pictures: list[tuple[bytes, int]], steps: int) -> None:
    """Send these contents to their places of the product "shoe". steps: that are survived. Ends with SURVIVED."""
    left = steps

    def before(act: Callable[..., Any]) -> Callable[..., Any]:
        def deadly(*args: Any, **more: Any) -> Any:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return act(*args, **more)

        return deadly

    HttpDoor.ask = before(HttpDoor.ask)  # type: ignore[method-assign]
    ShopPictures.record = before(ShopPictures.record)  # type: ignore[method-assign]
    settings = {"kind": "shopify", "address": url, "rendition": "shop", "token": TOKEN}
    shop = open_shop("mine", ShopSettings.model_validate(settings), DoorLimits(), lambda _: None)
    rows = Journal(Path(folder) / "journal").shop_pictures
    sender = PictureSender(shop, rows, lambda: 1.0, lambda _: True)
    wanted = [picture_to_send(Path(folder), content, "shoe", place) for content, place in pictures]
    sent = [each.what for each in sender.send(wanted)]
    assert set(sent) <= {"new", "replaced", "same"}, sent
    os._exit(SURVIVED)
