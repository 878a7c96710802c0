"""What a picture is called in a shop: product, place and the content's hash, so that the shop can be asked for it."""

import hashlib
import re
import unicodedata

HASH_DIGITS = 8
MOST_SKU = 80  # characters: shops cut longer file names, and the hash would be lost with the end
_FOLDED = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"}
_OURS = re.compile(r"(?P<stem>.+-(?:main|\d{2,3})-)(?P<hash>[0-9a-f]{8})(?=$|[._?-])")


def remote_name(sku: str, place: int, sha256: str, suffix: str) -> str:
    """The file name of a picture in a shop, such as "shoe-12-main-1a2b3c4d.jpg". Plain ASCII.

    suffix: of the file, with the dot. Two SKUs never share a name: one that does not fit into a file name as it is gets
    some digits of its own hash.
    """
    return f"{_stem(sku, place)}{sha256[:HASH_DIGITS]}{suffix.lower()}"


def holds_name(theirs: str, ours: str) -> bool:
    """Whether a shop's file is ours. theirs: its name or URL there, maybe with what shops add: "-1", "_UUID", "?v=2".

    The kind of file is not compared: shops make others of it.
    """
    found = _found(theirs)
    wanted = _found(ours)
    return found is not None and found == wanted


def holds_place(theirs: str, sku: str, place: int) -> bool:
    """Whether a shop's file is one of ours for this product and place, of whatever content."""
    found = _found(theirs)
    return found is not None and found[0] == _stem(sku, place).lower()


def place_word(place: int) -> str:
    """A place for people and in names: "main", "02", "03" and so on."""
    return "main" if place == 1 else f"{place:02}"


def _found(name: str) -> tuple[str, str] | None:
    last = name.partition("?")[0].rpartition("/")[2].lower()
    found = _OURS.match(last)
    return (found["stem"], found["hash"]) if found else None


def _stem(sku: str, place: int) -> str:
    return f"{_folded(sku)}-{place_word(place)}-"


def _folded(sku: str) -> str:
    plain = "".join(_FOLDED.get(letter, letter) for letter in unicodedata.normalize("NFC", sku))
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    folded = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:MOST_SKU].strip("-")
    if folded == sku:
        return folded
    digits = hashlib.sha256(sku.encode(errors="surrogatepass")).hexdigest()[:6]
    return f"{folded or 'sku'}-{digits}"
