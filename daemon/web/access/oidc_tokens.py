"""The door to Authlib and joserfc: builds the requests of OpenID Connect, and proves what a provider signed."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""All of them have a public key. "none" is not in it, and neither is HS256: its secret would be the public key."""
_KINDS_OF_KEY = ("RSA", "EC", "OKP")
_LEEWAY_SECONDS = 60
_MOST_TOKEN = 64 * 1024


class NotProven(Exception):
    """An ID token does not prove who somebody is. Answer: nobody comes in; the text is for the admin.

    may_be_old_keys: whether the provider's keys may have changed since we read them.
    """

    def __init__(self, why: str, may_be_old_keys: bool = False) -> None:
        super().__init__(why)
        self.may_be_old_keys = may_be_old_keys


def way_there(endpoint: str, client_id: str, back: str, scopes: tuple[str, ...], secrets: Mapping[str, str]) -> str:
    """The URL at which a person logs in. back: where it leads afterwards. secrets: state, nonce, verifier."""
    return str(
        prepare_grant_uri(
            endpoint,
            client_id,
            "code",
            back,
            list(scopes),
            secrets["state"],
            nonce=secrets["nonce"],
            code_challenge=create_s256_code_challenge(secrets["verifier"]),
            code_challenge_method="S256",
        )
    )


def token_form(code: str, back: str, verifier: str, who: Mapping[str, str]) -> str:
    """The form that turns a code into an ID token. who: names the client, where the form has to."""
    return str(prepare_token_request("authorization_code", redirect_uri=back, code=code, code_verifier=verifier, **who))


def proven_claims(id_token: str, key_set: Mapping[str, Any], asked: Mapping[str, str], now: float) -> dict[str, Any]:
    """What an ID token says, once all of it is proven. Any: the values of somebody else's JSON.

    key_set: the provider's, as JSON. asked: issuer, client_id, nonce. now: Unix seconds. Raises NotProven.
    """
    if len(id_token) > _MOST_TOKEN:
        raise NotProven("its ID token is too long")
    keys = _keys_of(key_set)
    try:
        token = jwt.decode(id_token, keys, list(ALGORITHMS), jws.JWSRegistry(algorithms=list(ALGORITHMS)))
    except (JoseError, ValueError, TypeError, KeyError) as error:  # also what joserfc itself stumbles over
        raise NotProven(f"its ID token is not signed as it must be: {error}", may_be_old_keys=True) from error
    options = {
        "iss": {"essential": True, "value": asked["issuer"]},
        "aud": {"essential": True, "value": asked["client_id"]},
    }
    claims = CodeIDToken(
        token.claims, token.header, options, {"nonce": asked["nonce"], "client_id": asked["client_id"]}
    )
    try:
        claims.validate(int(now), _LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError) as error:
        raise NotProven(f"its ID token does not fit this login: {error}") from error
    return dict(claims)


def _keys_of(key_set: Mapping[str, Any]) -> KeySet:
    """The public keys that sign; those of another kind are left out, as RFC 7517 wants it."""
    found = key_set.get("keys")
    fitting = [
        key
        for key in (found if isinstance(found, list) else [])
        if isinstance(key, dict) and key.get("kty") in _KINDS_OF_KEY and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": fitting})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotProven(f"its keys cannot be read: {error}", may_be_old_keys=True) from error
