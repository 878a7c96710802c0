"""The page on which people log in. It needs no script."""

from html import escape


def login_page(message: str, goes_to: str, name: str = "") -> str:
    """The page as HTML. message: what was wrong, "" = nothing. goes_to: a path of ours to go on to."""
    alert = f'<p role="alert">{escape(message)}</p>' if message else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Freisteller</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main>'
        f'<h1>Freisteller</h1>{alert}<form method="post" action="/login">'
        f'<p><label>Name <input name="name" value="{escape(name)}" autocomplete="username" required></label></p>'
        '<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>'
        f'</p><input type="hidden" name="next" value="{escape(goes_to)}"><p><button>Log in</button></p>'
        "</form></main></body></html>\n"
    )
