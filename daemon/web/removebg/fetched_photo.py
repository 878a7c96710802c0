"""Fetches a photo from an address that a stranger gave, and never one from our own networks.

The name is looked up once, all its addresses must be public, and the connection goes to one of them: a name that means
another address a moment later changes nothing. No redirect is followed, and no proxy is asked.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from urllib.parse import SplitResult, quote, unquote, urlsplit

from daemon.web.removebg.asked_layout import bad_parameter

SECONDS = 10.0
_PORTS = {"http": 80, "https": 443}
_PIECE_BYTES = 64 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("192.88.99.0/24", "fec0::/10", "3fff::/20")))
"""Relays of old, local sites of old, and examples: Python takes them for public."""
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
_MOST_URL = 4096

Look = Callable[[str, int], list[str]]
"""Finds the addresses of a host by its name."""


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def fetch(url: str, write: Callable[[bytes], None], look: Look = addresses_of) -> None:
    """Fetch what is at a URL into `write`, piece by piece. Raises Refused, and what `write` raises."""
    parts, port, path = _split(url)
    host = parts.hostname or ""
    try:
        address = _public_address(host, port, look)
        with closing(_PinnedConnection(host, address, port, is_safe=parts.scheme == "https")) as connection:
            clock = threading.Timer(SECONDS, connection.break_off)  # a server may send one byte every nine seconds
            clock.start()
            try:
                connection.request("GET", path, headers={"User-Agent": "freisteller", "Accept": "image/*, */*;q=0.5"})
                _pour(connection, write)
            finally:
                clock.cancel()
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        raise bad_parameter(f"the photo at {host} cannot be fetched within {SECONDS:.0f} seconds: {error}") from error


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet, also where it hides an IPv4 address in an IPv6 one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        hidden = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64 or found.packed[8:12] in _ISATAP:
            hidden = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if hidden is not None:
            return is_public(str(hidden))
    if any(found in network for network in _NOT_PUBLIC):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)


def name_in(url: str) -> str:
    """What the file at a URL is called; "" if the URL is none."""
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return ""


def _split(url: str) -> tuple[SplitResult, int, str]:
    wrong = 'the address of a photo begins with "http://" or "https://", and has the port 80 or 443'
    if len(url) > _MOST_URL or not url.isprintable() or " " in url:
        raise bad_parameter(wrong)
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise bad_parameter(wrong) from error
    if port not in _PORTS.values() or not parts.hostname or parts.username is not None:
        raise bad_parameter(wrong)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts, port, quote(path, safe="/?&=%:@!$'()*+,;~#[]")


def _public_address(host: str, port: int, look: Look) -> str:
    addresses = look(host, port)
    if not addresses or not all(is_public(address) for address in addresses):
        raise bad_parameter(f"{host} is not an address of the public internet, so nothing is fetched from it")
    return addresses[0]


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to an address that was checked, whatever the host's name means by now."""

    def __init__(self, host: str, address: str, port: int, *, is_safe: bool) -> None:
        super().__init__(host, port, timeout=SECONDS)
        self.default_port = port  # so that Host has no port
        self._address = address
        self._context = ssl.create_default_context() if is_safe else None
        self._line: socket.socket | None = None
        self.is_late = False

    def connect(self) -> None:
        self._line = self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)
            self._line = self.sock

    def break_off(self) -> None:
        """End everything that is still to come; called from another thread."""
        self.is_late = True
        if self._line is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._line, socket.SHUT_RDWR)


def _pour(connection: _PinnedConnection, write: Callable[[bytes], None]) -> None:
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        raise bad_parameter(f"the photo cannot be fetched: its server answers {answer.status}, and only 200 will do")
    while data := answer.read1(_PIECE_BYTES):
        write(data)
    if connection.is_late or answer.length:
        raise OSError("its server sends too slowly, or not all of it")
