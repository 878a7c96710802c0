"""Says in plain words why there is no connection to a scheduler; Dask often says only that something timed out."""

import re
import socket
import ssl
from collections.abc import Iterator

REFUSED = re.compile(r"\[SSL: \w+_ALERT_\w+\]|EOF occurred in violation of protocol")
"""How the other end of a TLS connection ends it; Dask tells of some of these errors by their text alone."""
NAME_TAKEN = re.compile(r"name taken, ([^']*)'")


def why_not_connected(error: BaseException) -> str:
    """What is at the bottom of an error of Dask, as a part of a sentence; what is not known here as it was said.

    A try that ends while Dask is connecting has no bottom, and then it is said that it timed out.
    """
    errors = list(_down(error))
    for each in reversed(errors):
        if plain := _plain(each):
            return plain
    return next((str(each) for each in reversed(errors) if str(each)), type(error).__name__)


def _plain(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not one that our ca_file takes ({error.verify_message}); give all machines the same "
            "ca_file, and certificates that were made with it"
        )
    if REFUSED.search(str(error)):
        return (
            "it does not take our certificate; give all machines the same ca_file, and certificates of that authority"
        )
    if found := NAME_TAKEN.search(str(error)):
        return f"another worker is called {found[1]} there; give this one its own name: --name NAME"
    if isinstance(error, socket.gaierror):
        return "no machine of this name is known here"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there, so the scheduler does not run"
    if isinstance(error, ConnectionResetError):
        return "it closed the connection: it wants TLS (tls://) and we do not, or a certificate of another authority"
    return ""


def _down(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what caused it, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
