"""Reads the secrets that systemd provides, one file each in $CREDENTIALS_DIRECTORY.

See LoadCredential= in systemd.exec(5). The names are:

    http.token               the token that a reader of /metrics must send
    http.oidc.client_secret  by which the login provider knows us
    comfyui.token            the token of every ComfyUI server that has no other
    comfyui.token.HOST       the token of that host; HOST-PORT for one of several servers there
    comfyui.password[.HOST]  the password, if the server's url names a user
    notify.url.NAME          the url of the hook of that name; all of it may be secret
    notify.token.NAME        the bearer token of that hook
    notify.secret.NAME       what signs the posts to that hook
    shops.token.NAME         the token of the shop of that name, shops.NAME in the settings
    shops.password.NAME      its password
    shops.client_secret.NAME the secret of our app there

Files of other names belong to other programs and are ignored.
"""

from collections.abc import Mapping
from pathlib import Path

from daemon.errors import BadSettings

HTTP_TOKEN = "http.token"
OIDC_SECRET = "http.oidc.client_secret"
SERVER_KINDS = ("comfyui.token", "comfyui.password")
HOOK_KINDS = ("notify.url", "notify.token", "notify.secret")
SHOP_KINDS = ("shops.token", "shops.password", "shops.client_secret")
_NAMED = (*SERVER_KINDS, *HOOK_KINDS, *SHOP_KINDS)


def read_credentials(folder: Path) -> Mapping[str, str]:
    """Our secrets by name. Raises BadSettings if one cannot be used; the message never contains a secret."""
    found: dict[str, str] = {}
    try:
        for path in sorted(folder.iterdir()):
            if path.name in (HTTP_TOKEN, OIDC_SECRET) or _kind(path.name):
                found[path.name] = _secret(path)
            elif path.name.startswith(("http.", "comfyui.", "notify.", "shops.")):
                raise BadSettings(
                    f"Unknown credential {path.name} in {folder}: allowed are {HTTP_TOKEN}, {OIDC_SECRET}, "
                    f"{', '.join(SERVER_KINDS)}, these two also with .HOST or .HOST-PORT, and "
                    f"{' and '.join(HOOK_KINDS)} with the .NAME of a hook, and "
                    f"{' and '.join(SHOP_KINDS)} with the .NAME of a shop"
                )
    except OSError as error:
        raise BadSettings(f"The credentials in {folder} cannot be read: {error.strerror}") from error
    return found


def of_server(credentials: Mapping[str, str], kind: str, host: str, port: int | None) -> str:
    """The most specific secret of this kind for a server: of its host and port, of its host, of all servers; or ""."""
    host = host.replace(":", "-")  # for IPv6: systemd allows no colon in a name
    for name in (f"{kind}.{host}-{port}", f"{kind}.{host}", kind):
        if name in credentials:
            return credentials[name]
    return ""


def of_hook(credentials: Mapping[str, str], key: str, name: str) -> str:
    """The url, the token or the secret of the hook of that name. "" if there is none."""
    return credentials.get(f"notify.{key}.{name}", "")


def of_shop(credentials: Mapping[str, str], key: str, name: str) -> str:
    """The token, the password or the client_secret of the shop of that name. "" if there is none."""
    return credentials.get(f"shops.{key}.{name}", "")


def _kind(name: str) -> bool:
    named = any(name.startswith(f"{kind}.") and len(name) > len(kind) + 1 for kind in _NAMED)
    return named or name in SERVER_KINDS


def _secret(path: Path) -> str:
    try:
        text = path.read_bytes().decode("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise BadSettings(f"The credential {path} must hold one line of plain ASCII text, and nothing else.")
    return text
