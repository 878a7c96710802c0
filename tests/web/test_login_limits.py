"""Guessing passwords gets slower and slower, for an account and for an address, in a bounded memory."""

import pytest

from daemon.web.access.login_limits import (
    FREE_FOR_ACCOUNT,
    FREE_FOR_ADDRESS,
    LONGEST_FOR_ACCOUNT,
    MOST_KEPT,
    LoginLimits,
    network_of,
)
from daemon.web.problems import Refused


def guess(limits: LoginLimits, account: str, address: str, now: float) -> int:
    """The seconds to wait; 0 = the password is looked at."""
    try:
        limits.begin(account, address, now)
    except Refused as refused:
        return int(refused.headers["Retry-After"]) if refused.status == 429 else -1
    return 0


def guesses_in(seconds: int, account: str, addresses: int) -> int:
    """How many passwords a patient guesser gets looked at who tries each second from each of his addresses."""
    limits = LoginLimits()
    tries = [(second, number) for second in range(seconds) for number in range(addresses)]
    return sum(guess(limits, account, f"10.0.{number}.1", float(second)) == 0 for second, number in tries)


def test_a_guesser_with_many_addresses_gets_one_guess_a_minute_at_an_account() -> None:
    assert guesses_in(3600, "anna", 5) <= FREE_FOR_ACCOUNT + 3600 / LONGEST_FOR_ACCOUNT + 7


def test_a_guesser_with_many_names_is_slowed_down_by_address() -> None:
    limits = LoginLimits()

    looked_at = sum(guess(limits, f"name {number}", "10.0.0.1", number / 10) == 0 for number in range(36_000))

    assert looked_at <= FREE_FOR_ADDRESS + 13


def test_many_guesses_at_once_do_not_slip_through() -> None:
    limits = LoginLimits()

    assert sum(guess(limits, "anna", f"10.0.0.{number}", 0.0) == 0 for number in range(100)) == FREE_FOR_ACCOUNT


def test_whoever_logged_in_from_here_before_does_not_wait_for_guessers_elsewhere() -> None:
    limits = LoginLimits()
    limits.begin("anna", "192.0.2.1", 0.0)
    limits.succeeded("anna", "192.0.2.1")
    for number in range(100):
        guess(limits, "anna", f"10.0.0.{number}", 1.0)

    assert guess(limits, "anna", "192.0.2.1", 1.5) == 0
    limits.succeeded("anna", "192.0.2.1")
    assert guess(limits, "anna", "10.0.9.9", 1.5) > 0


def test_a_right_password_makes_nobody_wait() -> None:
    limits = LoginLimits()

    for number in range(1000):
        assert guess(limits, "anna", "10.0.0.1", number / 100) == 0
        limits.succeeded("anna", "10.0.0.1")


def test_a_guesser_cannot_make_room_for_more_guesses_by_logging_in_as_himself() -> None:
    limits, looked_at = LoginLimits(), 0
    for second in range(600):
        looked_at += guess(limits, f"victim {second}", "10.0.0.1", float(second)) == 0
        if guess(limits, "himself", "10.0.0.1", float(second)) == 0:
            limits.succeeded("himself", "10.0.0.1")

    assert looked_at <= 120


def test_after_an_hour_without_tries_all_is_forgotten() -> None:
    limits = LoginLimits()
    for _ in range(10):
        guess(limits, "anna", "10.0.0.1", 0.0)

    assert [guess(limits, "anna", "10.0.0.1", 4000.0) for _ in range(FREE_FOR_ACCOUNT)] == [0] * FREE_FOR_ACCOUNT


def test_names_and_addresses_of_guessers_fill_a_bounded_memory() -> None:
    limits = LoginLimits()
    for number in range(3 * MOST_KEPT):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        guess(limits, f"name {number}", address, 0.0)
        limits.succeeded(f"name {number}", address)
        guess(limits, f"other {number}", address, 0.0)

    assert limits.kept <= 3 * MOST_KEPT


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("", ""),
    ],
)
def test_all_addresses_of_one_customer_count_as_one(address: str, network: str) -> None:
    assert network_of(address) == network
