"""Slows down whoever guesses passwords: by account and by address, in a bounded amount of memory."""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus

from daemon.web.problems import Refused

FREE_FOR_ACCOUNT, FREE_FOR_ADDRESS = 5, 20
"""So many wrong passwords cost no wait; from an office, many people share one address."""
LONGEST_FOR_ACCOUNT, LONGEST_FOR_ADDRESS = 60.0, 900.0
"""Seconds. An account waits for less, since somebody else may be guessing, and its owner wants to come in."""
FORGET_SECONDS = 3600.0
MOST_KEPT = 10_000


@dataclass(slots=True)
class _Tries:
    failed: int = 0
    next_at: float = 0.0
    last_at: float = 0.0


class _Wait:
    """Counts tries by a key. Each further try after the free ones waits twice as long as the one before."""

    def __init__(self, free: int, longest_seconds: float) -> None:
        self._free = free
        self._longest = longest_seconds
        self._kept: OrderedDict[str, _Tries] = OrderedDict()

    def seconds(self, key: str, now: float) -> float:
        """How long this key has to wait before its next try."""
        tries = self._kept.get(key)
        return max(0.0, tries.next_at - now) if tries else 0.0

    def count(self, key: str, now: float) -> None:
        """Count a try as failed, until `take_back` says otherwise: many at once do not slip through."""
        tries = self._kept.get(key)
        if tries is None or now - tries.last_at > FORGET_SECONDS:
            tries = self._kept[key] = _Tries()
        tries.failed, tries.last_at = tries.failed + 1, now
        over = tries.failed - self._free
        tries.next_at = now + min(self._longest, 2.0 ** min(over, 30)) if over >= 0 else now
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def take_back(self, key: str) -> None:
        """The last try was right."""
        if tries := self._kept.get(key):
            tries.failed, tries.next_at = max(0, tries.failed - 1), 0.0

    def forget(self, key: str) -> None:
        """All is well with this key again."""
        self._kept.pop(key, None)

    def __len__(self) -> int:
        return len(self._kept)


class LoginLimits:
    """For one thread. account: the name as it is compared. now: seconds of a clock that only goes forward."""

    def __init__(self) -> None:
        self._accounts = _Wait(FREE_FOR_ACCOUNT, LONGEST_FOR_ACCOUNT)
        self._addresses = _Wait(FREE_FOR_ADDRESS, LONGEST_FOR_ADDRESS)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, account: str, address: str, now: float) -> None:
        """Count a try. Raises Refused with 429 and Retry-After if it comes too soon; then it is not counted.

        Who logged in from this address before does not wait because others guess at the account elsewhere.
        """
        address = network_of(address)
        waits = [self._addresses.seconds(address, now)]
        is_known = (account, address) in self._known
        if not is_known:
            waits.append(self._accounts.seconds(account, now))
        if (seconds := max(waits)) > 0:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too_many_logins",
                f"Too many wrong passwords. Try again in {int(seconds) + 1} s.",
                {"Retry-After": str(int(seconds) + 1)},
            )
        self._addresses.count(address, now)
        if not is_known:
            self._accounts.count(account, now)

    def succeeded(self, account: str, address: str) -> None:
        """The try that was counted last had the right password."""
        address = network_of(address)
        self._addresses.take_back(address)
        if (account, address) not in self._known:
            self._accounts.forget(account)
        self._known[account, address] = None
        self._known.move_to_end((account, address))
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)

    @property
    def kept(self) -> int:
        """How many accounts and addresses are remembered."""
        return len(self._accounts) + len(self._addresses) + len(self._known)


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, which a single customer has for himself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)))
    return str(parsed)
