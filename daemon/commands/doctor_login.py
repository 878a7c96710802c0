"""What `freisteller doctor` checks of the login provider: that it answers, and that it tells people's groups."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.commands.findings import Check
from daemon.settings import Settings
from daemon.web.problems import Refused

WHAT = "login provider"


def login_checks(settings: Settings) -> Iterator[Check]:
    """Check the provider of `http.oidc`, if one is set."""
    oidc = settings.http.oidc
    if not oidc.issuer:
        if oidc.roles:
            yield Check(
                "warn", WHAT, "http.oidc.roles are set, but no http.oidc.issuer", "Set it, or remove the roles."
            )
        return
    try:
        from daemon.web.access.oidc_provider import OidcProvider
    except ImportError as error:
        text = f"a library is not installed ({error.name})"
        yield Check("fail", WHAT, text, "Run pip install 'freisteller[oidc]', or leave http.oidc.issuer empty.")
        return
    from daemon.web.access.provider_line import ProviderLine
    from daemon.web.access.provider_ways import CALLBACK

    try:
        told = OidcProvider(oidc, settings.http.public_url + CALLBACK, ProviderLine(oidc.name)).described()
    except Refused as refused:
        yield Check("fail", WHAT, str(refused), "Check http.oidc.issuer and the network between here and there.")
        return
    yield Check("OK", WHAT, f"{oidc.name} answers as {oidc.issuer}")
    if lacking := sorted(set(oidc.scopes) - set(_texts(told, "scopes_supported") or oidc.scopes)):
        text = f"it does not offer {', '.join(lacking)}"
        yield Check("warn", f"{WHAT}: scopes", text, "Correct http.oidc.scopes, or allow them for Freisteller there.")
    if oidc.roles and oidc.groups_claim not in (_texts(told, "claims_supported") or [oidc.groups_claim]):
        text = f"it does not say that it tells {oidc.groups_claim}, by which http.oidc.roles are given"
        yield Check("warn", f"{WHAT}: groups", text, "Let it send that claim, or correct http.oidc.groups_claim.")
    if oidc.logout == "provider" and told.get("end_session_endpoint") is None:
        yield Check(
            "OK", f"{WHAT}: logout", "it has none: logging out ends the session here only, and the page says so"
        )


def _texts(told: Mapping[str, Any], key: str) -> list[str]:  # Any: somebody else's JSON
    listed = told.get(key)
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
