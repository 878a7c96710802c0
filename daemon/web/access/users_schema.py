"""The tables of the users' file, as numbered migrations: script n brings a file from schema n to n + 1."""

# users.key: the name as it is compared. orders: a JSON list of top-level folders; NULL = all of them.
# password: Argon2id, in its own text form; NULL = none, so nobody can log in by password.
# sessions.digest, tokens.digest: SHA-256 of what the browser or the program sends, which nobody keeps.
# access_events: who came in, who tried, and who changed who may.
_FIRST = """
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'reviewer', 'operator', 'admin')),
    orders TEXT,
    password TEXT,
    disabled INTEGER NOT NULL DEFAULT 0,
    made_at REAL NOT NULL
) STRICT;
CREATE TABLE sessions (
    digest BLOB PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    made_at REAL NOT NULL,
    seen_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id, seen_at);
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('monitor', 'viewer', 'reviewer', 'operator', 'admin')),
    orders TEXT,
    made_at REAL NOT NULL,
    ends_at REAL NOT NULL,
    used_at REAL,
    UNIQUE (user_id, label)
) STRICT;
CREATE TABLE access_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    whom TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT NOT NULL
) STRICT;
CREATE INDEX access_events_of_kind ON access_events (what, id);
"""

# facts.own_token: with it our own commands read the figures, whoever else has to log in.
_SECOND = """
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""

# users.oidc: what the login provider of the settings says of this user, as it says it.
_THIRD = """
ALTER TABLE users ADD COLUMN oidc TEXT;
CREATE UNIQUE INDEX users_by_oidc ON users (oidc) WHERE oidc IS NOT NULL;
"""

# users.by_groups: 1 = nobody named this user; it came by its groups at the login provider, and its role follows them.
# sessions.role: what the person's groups give; NULL = the user's own role counts. ends_at: NULL = as other sessions.
# id_token: the provider's word; NULL = the session did not begin there.
_FOURTH = """
ALTER TABLE users ADD COLUMN by_groups INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN role TEXT;
ALTER TABLE sessions ADD COLUMN ends_at REAL;
ALTER TABLE sessions ADD COLUMN id_token TEXT;
"""

MIGRATIONS = (_FIRST, _SECOND, _THIRD, _FOURTH)
