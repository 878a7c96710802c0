"""Pictures as a shop gets them, for tests: a file with bytes of its own, named as `remote_name` names it."""

import hashlib
from pathlib import Path

from daemon.shops.remote_names import remote_name
from daemon.shops.shop_contract import PictureToSend

JPEG = b"\xff\xd8\xff\xe0 a picture "


def picture_to_send(folder: Path, content: bytes = JPEG, sku: str = "shoe-12", place: int = 1) -> PictureToSend:
    """A picture whose file lies in the folder."""
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{digest[:12]}.jpg"
    path.write_bytes(content)
    name = remote_name(sku, place, digest, ".jpg")
    return PictureToSend(path, name, sku, place, digest, len(content), "image/jpeg", alt="A blue shoe")
