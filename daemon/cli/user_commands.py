"""The commands for who may come in: user add, passwd, oidc, role, disable, enable, list, remove, token …"""

import getpass
import sys
import time
from typing import Annotated

import typer

from daemon.cli.console import err, out, print_json
from daemon.cli.options import ConfigOption, JsonOption, RootOption, settings_of
from daemon.cli.plain_help import PlainCommand, PlainGroup
from daemon.errors import BadSettings

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
TokenArgument = Annotated[str, typer.Argument(metavar="TOKEN", help="What the token is called, e.g. the program.")]
RoleOption = Annotated[str, typer.Option("--role", help="viewer, reviewer, operator or admin.")]
OrdersOption = Annotated[
    list[str] | None,
    typer.Option("--order", metavar="FOLDER", help="Only this folder of inbox/; may be repeated. Else all."),
]


def add(
    name: NameArgument,
    role: RoleOption = "viewer",
    order: OrdersOption = None,
    no_password: Annotated[bool, typer.Option("--no-password", help="For tokens, or a proxy's logins.")] = False,
    oidc: Annotated[
        str | None, typer.Option("--oidc", metavar="SUBJECT", help="Who it is at the login provider; no password.")
    ] = None,
    root: RootOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a person log in. The password is asked for, or read from the standard input.

    Example: freisteller user add anna --role reviewer
    """
    from daemon.commands.users import add_user, scope_of

    scope, settings = scope_of(role, order or ()), settings_of(config, root)
    scope.check()
    has_none = no_password or oidc is not None
    for line in add_user(settings, name, scope, None if has_none else _new_password(), oidc):
        out.print(line, markup=False)


def passwd(name: NameArgument, root: RootOption = None, config: ConfigOption = None) -> None:
    """Set another password. The user is logged out everywhere.

    Example: freisteller user passwd anna
    """
    from daemon.commands.users import set_password

    settings = settings_of(config, root)
    kept = set_password(settings, name, _new_password())
    out.print(f"{kept} has another password, and is logged out everywhere.", markup=False)


def oidc(
    name: NameArgument,
    subject: Annotated[str | None, typer.Argument(metavar="SUBJECT", help="What the provider calls the user.")] = None,
    nobody: Annotated[bool, typer.Option("--none", help="The user cannot log in there any longer.")] = False,
    root: RootOption = None,
    config: ConfigOption = None,
) -> None:
    """Set who a user is at the login provider. The user is logged out everywhere.

    Example: freisteller user oidc anna 248289761001
    """
    from daemon.commands.users import set_oidc

    if (subject is None) != nobody:
        raise BadSettings("Name a SUBJECT, or --none, not both.")
    kept = set_oidc(settings_of(config, root), name, subject)
    told = "can no longer log in at the provider" if subject is None else f"is {subject} at the login provider"
    out.print(f"{kept} {told}, and is logged out everywhere.", markup=False)


def role(
    name: NameArgument,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, reviewer, operator or admin.")],
    order: OrdersOption = None,
    all_orders: Annotated[bool, typer.Option("--all-orders", help="Limit the user to no orders any longer.")] = False,
    root: RootOption = None,
    config: ConfigOption = None,
) -> None:
    """Change what a user may do. The user is logged out everywhere.

    Example: freisteller user role anna operator
    """
    from daemon.commands.users import set_scope

    out.print(set_scope(settings_of(config, root), name, role, order or (), all_orders), markup=False)


def disable(name: NameArgument, root: RootOption = None, config: ConfigOption = None) -> None:
    """Keep a user and its tokens out, until enable.

    Example: freisteller user disable anna
    """
    from daemon.commands.users import set_disabled

    kept = set_disabled(settings_of(config, root), name, True)
    out.print(f"{kept} cannot come in. Undo it with: freisteller user enable {kept}", markup=False)


def enable(name: NameArgument, root: RootOption = None, config: ConfigOption = None) -> None:
    """Let a user in again, after disable.

    Example: freisteller user enable anna
    """
    from daemon.commands.users import set_disabled

    out.print(f"{set_disabled(settings_of(config, root), name, False)} can come in again.", markup=False)


def remove(name: NameArgument, root: RootOption = None, config: ConfigOption = None) -> None:
    """Remove a user with all sessions and tokens. What the user did stays recorded.

    Example: freisteller user remove anna
    """
    from daemon.commands.users import remove_user

    for line in remove_user(settings_of(config, root), name):
        out.print(line, markup=False)


def list_users(root: RootOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show who may log in, and what each may do.

    Example: freisteller user list
    """
    from daemon.commands import users

    found = users.list_users(settings_of(config, root))
    if as_json:
        print_json(found)
        return
    for user in found:
        remarks = [] if user["password"] else ["no password"]
        remarks += [f"at the login provider: {user['oidc']}"] if user["oidc"] else []
        remarks += ["role by its groups there"] if user["by_groups"] else []
        remarks += ["disabled"] if user["disabled"] else []
        orders = "" if user["orders"] is None else f"only {', '.join(user['orders'])}"
        out.print("  ".join(word for word in (user["name"], user["role"], orders, *remarks) if word), markup=False)
    if not found:
        out.print("There are no users. Add the first one with: freisteller user add NAME --role admin")


def token_add(
    user: NameArgument,
    token: TokenArgument,
    role: Annotated[str, typer.Option("--role", help="At most this role (monitor: only figures).")] = "",
    order: OrdersOption = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="For so many days.")] = 365,
    root: RootOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a token, with which a program comes in as this user. It is shown once.

    Example: freisteller user token add anna scanner --days 90
    """
    from daemon.commands.users import add_token

    secret = add_token(settings_of(config, root), user, token, role, order or (), days)
    err.print("Keep it now, it is not shown again. A program sends it as: Authorization: Bearer TOKEN", markup=False)
    sys.stdout.write(f"{secret}\n")


def token_list(root: RootOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show all tokens: whose they are, until when they count, when they were used last.

    Example: freisteller user token list
    """
    from daemon.commands.users import list_tokens

    found = list_tokens(settings_of(config, root))
    if as_json:
        print_json(found)
        return
    for token in found:
        orders = "" if token["orders"] is None else f"only {', '.join(token['orders'])}"
        used = f"used {_day(token['used_at'])}" if token["used_at"] else "never used"
        until = f"until {_day(token['ends_at'])}" if token["ends_at"] > time.time() else "over"
        words = (token["user"], token["name"], token["role"], orders, until, used)
        out.print("  ".join(word for word in words if word), markup=False)
    if not found:
        out.print("There are no tokens. Make one with: freisteller user token add NAME TOKEN")


def token_remove(
    user: NameArgument, token: TokenArgument, root: RootOption = None, config: ConfigOption = None
) -> None:
    """Remove a token: the program that sends it comes in no longer.

    Example: freisteller user token remove anna scanner
    """
    from daemon.commands.users import remove_token

    remove_token(settings_of(config, root), user, token)
    out.print(f"removed: token {token} of {user}", markup=False)


def _new_password() -> str:
    """A password from the keyboard, typed twice and not shown; or the first line of the standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise BadSettings("The two passwords differ, so nothing was changed. Try again.")
    return password


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at))


user_app = typer.Typer(
    cls=PlainGroup, no_args_is_help=True, help="Say who may log in.\n\nExample: freisteller user list"
)
token_app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    help="Tokens, with which programs come in.\n\nExample: freisteller user token list",
)
for function in (add, passwd, oidc, role, disable, enable, remove):
    user_app.command(cls=PlainCommand)(function)
user_app.command("list", cls=PlainCommand)(list_users)
token_app.command("add", cls=PlainCommand)(token_add)
token_app.command("list", cls=PlainCommand)(token_list)
token_app.command("remove", cls=PlainCommand)(token_remove)
user_app.add_typer(token_app, name="token")
