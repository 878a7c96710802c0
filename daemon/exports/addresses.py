"""Says at which address a picture of an export will be found."""

from urllib.parse import quote


def address(base_url: str, order: str, name: str, sha256: str) -> str:
    """The address of a picture: ASCII, percent-encoded; it changes when the picture does.

    base_url: where the folder of the export will lie; {order} in it stands for the order. name: the picture's place in
    the export. Shops fetch a picture again only if its address is another one, so the address has a part of its
    SHA-256, which a server of files ignores.
    """
    base = base_url.replace("{order}", quote(order, safe=""))
    return f"{base.rstrip('/')}/{quote(name)}?v={sha256[:8]}"
