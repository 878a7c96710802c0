"""Hashes and compares passwords: Argon2id with the least parameters that OWASP recommends."""

import unicodedata

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from daemon.errors import BadSettings

SHORTEST, LONGEST = 10, 1024
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # memory in KiB
_NOBODYS = (
    "$argon2id$v=19$m=19456,t=2,p=1$x8J+GixPbdgNqh0DdTBIfA$"
    "IyZL25U/xfznikBu+YoQTG9XplkaiaNJ0u4TnEZU8XY"
)  # of random bytes that nobody kept: a name that does not exist takes as long as one that does


def check_password(password: str, name: str) -> None:
    """Raises BadSettings if a new password is too easy to guess."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadSettings(f"The password must have {SHORTEST} to {LONGEST} characters.")
    if password.casefold().strip() == name.casefold():
        raise BadSettings("The password must not be the name.")


def hash_of(password: str) -> str:
    """What is kept of a password. Takes some 50 ms and 19 MiB."""
    return _HASHER.hash(_bytes(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether this is the password whose hash was kept. It takes the same time for None, and says no."""
    try:
        return _HASHER.verify(kept or _NOBODYS, _bytes(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def _bytes(password: str) -> bytes:
    """The same bytes whichever way a keyboard spells an ä."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
