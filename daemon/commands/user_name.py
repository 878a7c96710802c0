"""Who types a command."""

import os
import pwd


def user_name() -> str:
    """The name under which the person logged in, also behind sudo; else that of the account, or its number."""
    try:
        return os.getlogin()
    except OSError:  # no terminal
        number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
