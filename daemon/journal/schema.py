"""The tables, as numbered migrations: script n brings a file from schema n to n + 1. Old scripts never change."""

from daemon.journal.later_schema import LATER
from daemon.journal.light_table_schema import LIGHT_TABLE

_FIRST = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    source BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'publishing', 'done', 'failed')),
    tries INTEGER NOT NULL DEFAULT 0,
    round INTEGER NOT NULL DEFAULT 0,
    postponed INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    admitted_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    grade TEXT,
    score REAL,
    best INTEGER,
    reason TEXT,
    reason_kind TEXT,
    results TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX jobs_due ON jobs (state, admitted_at, id);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE attempts (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    round INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job_id, round, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""

_TRIGGERS = """\
CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN
    INSERT INTO folders (name, waiting) VALUES (NEW.folder, NEW.state = 'waiting')
        ON CONFLICT (name) DO UPDATE SET waiting = waiting + excluded.waiting;
    INSERT INTO tallies VALUES (NEW.state, coalesce(NEW.grade, ''), 1)
        ON CONFLICT (state, grade) DO UPDATE SET count = count + 1;
    INSERT OR REPLACE INTO places SELECT value, NEW.id FROM json_each(NEW.results);
END;
CREATE TRIGGER jobs_moved AFTER UPDATE OF state, grade ON jobs
WHEN OLD.state IS NOT NEW.state OR OLD.grade IS NOT NEW.grade BEGIN
    UPDATE folders SET waiting = waiting + (NEW.state = 'waiting') - (OLD.state = 'waiting') WHERE name = NEW.folder;
    UPDATE tallies SET count = count - 1 WHERE state = OLD.state AND grade = coalesce(OLD.grade, '');
    INSERT INTO tallies VALUES (NEW.state, coalesce(NEW.grade, ''), 1)
        ON CONFLICT (state, grade) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER jobs_placed AFTER UPDATE OF results ON jobs WHEN OLD.results IS NOT NEW.results BEGIN
    DELETE FROM places WHERE job_id = OLD.id AND path IN (SELECT value FROM json_each(OLD.results));
    INSERT OR REPLACE INTO places SELECT value, NEW.id FROM json_each(NEW.results);
END;
CREATE TRIGGER jobs_removed AFTER DELETE ON jobs BEGIN
    UPDATE folders SET waiting = waiting - (OLD.state = 'waiting') WHERE name = OLD.folder;
    UPDATE tallies SET count = count - 1
        WHERE state = OLD.state AND grade = coalesce(OLD.grade, '') AND OLD.state NOT IN ('done', 'failed');
    DELETE FROM places WHERE job_id = OLD.id AND path IN (SELECT value FROM json_each(OLD.results));
END;
"""

# folder: the top-level folder below inbox/, '' = inbox/ itself. content: SHA-256 of the original, 32 bytes.
# same_as: the job with the same content that came before, if this one was left out for it.
# folders: whose turn it is. Triggers keep folders.waiting and tallies: counting a million rows takes too long.
# tallies: photos that ended stay counted when their rows are pruned.
# places: the files of jobs by their path. Triggers keep the table equal to jobs.results.
# verdicts: grades that people gave, with what the judgement had said of the result: they outlive the job's rows.
_SECOND = f"""
ALTER TABLE jobs ADD COLUMN folder TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN content BLOB;
ALTER TABLE jobs ADD COLUMN same_as TEXT;
UPDATE jobs SET folder = substr(name, 1, instr(name, '/') - 1) WHERE instr(name, '/') > 0;
CREATE INDEX jobs_turn ON jobs (folder, admitted_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_done_in_folder ON jobs (folder, finished_at) WHERE state = 'done';
CREATE INDEX jobs_content ON jobs (content) WHERE content IS NOT NULL AND same_as IS NULL;

CREATE TABLE folders (
    name TEXT PRIMARY KEY,
    priority INTEGER NOT NULL DEFAULT 0,
    turn INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO folders (name, waiting) SELECT folder, sum(state = 'waiting') FROM jobs GROUP BY folder;
CREATE INDEX folders_next ON folders (priority DESC, turn, name) WHERE waiting > 0;
CREATE INDEX folders_turn ON folders (turn);

CREATE TABLE tallies (
    state TEXT NOT NULL, grade TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (state, grade)
) STRICT, WITHOUT ROWID;
INSERT INTO tallies SELECT state, coalesce(grade, ''), count(*) FROM jobs GROUP BY 1, 2;

CREATE TABLE places (path TEXT PRIMARY KEY, job_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT OR REPLACE INTO places SELECT value, jobs.id FROM jobs, json_each(jobs.results) ORDER BY finished_at;

{_TRIGGERS}
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    name TEXT NOT NULL,
    folder TEXT NOT NULL,
    from_grade TEXT NOT NULL,
    to_grade TEXT NOT NULL,
    at REAL NOT NULL,
    who TEXT NOT NULL DEFAULT '',
    how TEXT NOT NULL DEFAULT '',
    attempt TEXT
) STRICT;
CREATE INDEX verdicts_of_job ON verdicts (job_id, id);
"""

# The first recipe of a photo, when it was chosen by what earlier photos gave. Nothing reads or writes this table now.
_THIRD = """
CREATE TABLE openings (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    round INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job_id, round)
) STRICT, WITHOUT ROWID;
"""

# Where the original of a job that is over lies, and what tells that file from others, even under another name.
_FOURTH = """
CREATE TABLE originals (
    job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    place TEXT NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX originals_by_inode ON originals (inode);
"""

_FIFTH = "CREATE INDEX verdicts_in_folder ON verdicts (folder, from_grade, at);"

# number: is given once and never again, because others remember how far they have read. (SQLite gives its own row
# numbers again after the newest row is deleted.) in_work: 1 while somebody works on the job, so also after the program
# died over it. suspect: 0, or 1 + how often the job was started alone since it was in work when the program crashed.
# Earlier journals do not say which publishing jobs were in work: those that had a try that was not undone.
# sqlite_sequence: goes on after all numbers that were remembered before, even if their rows are gone.
_SIXTH = f"""
CREATE TABLE numbered_jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    folder TEXT NOT NULL DEFAULT '',
    source BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'publishing', 'done', 'failed')),
    in_work INTEGER NOT NULL DEFAULT 0,
    suspect INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    round INTEGER NOT NULL DEFAULT 0,
    postponed INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    admitted_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    grade TEXT,
    score REAL,
    best INTEGER,
    reason TEXT,
    reason_kind TEXT,
    results TEXT NOT NULL DEFAULT '[]',
    content BLOB,
    same_as TEXT
) STRICT;
INSERT INTO numbered_jobs SELECT
    rowid, id, name, folder, source, state, state = 'running' OR (state = 'publishing' AND tries > 0), 0, tries, round,
    postponed, due_at, size_bytes, admitted_at, started_at, finished_at, grade, score, best, reason, reason_kind,
    results, content, same_as FROM jobs ORDER BY rowid;
DROP TABLE jobs;
ALTER TABLE numbered_jobs RENAME TO jobs;
DELETE FROM sqlite_sequence WHERE name = 'jobs';
INSERT INTO sqlite_sequence SELECT 'jobs', coalesce(max(number), 0) FROM (SELECT number FROM jobs UNION ALL
    SELECT atom FROM json_tree((SELECT value FROM facts WHERE key = 'batches_told')) WHERE type = 'integer');
CREATE INDEX jobs_due ON jobs (state, admitted_at, id);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_turn ON jobs (folder, admitted_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_done_in_folder ON jobs (folder, finished_at) WHERE state = 'done';
CREATE INDEX jobs_content ON jobs (content) WHERE content IS NOT NULL AND same_as IS NULL;
CREATE INDEX jobs_suspect ON jobs (suspect, admitted_at, id) WHERE suspect > 0;
{_TRIGGERS}"""

# result_files: the files of results, of all rounds. sha256: 32 bytes. Reports tell those of earlier versions' results.
_SEVENTH = """
CREATE TABLE result_files (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    sha256 BLOB NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    PRIMARY KEY (job_id, sha256, inode)
) STRICT, WITHOUT ROWID;
CREATE INDEX result_files_by_content ON result_files (size_bytes, sha256);
CREATE INDEX result_files_by_inode ON result_files (inode);
INSERT OR IGNORE INTO facts SELECT 'results_to_read', 'yes' WHERE EXISTS (SELECT 1 FROM jobs);
"""

# settings: what came with a photo by the API, as JSON of an order's sections; '' = nothing.
# request_keys: requests that made a job. request: SHA-256 of all that was sent, 32 bytes.
_EIGHTH = """
ALTER TABLE jobs ADD COLUMN settings TEXT NOT NULL DEFAULT '';
CREATE TABLE request_keys (
    who TEXT NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at REAL NOT NULL,
    PRIMARY KEY (who, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_keys_by_age ON request_keys (at);
CREATE INDEX request_keys_of_job ON request_keys (job_id);
"""

# shown_sizes: of the original and of the result, in pixels, as of a round; see ShownSizes.
_NINTH = """
CREATE TABLE shown_sizes (
    job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    round INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    result_width INTEGER NOT NULL,
    result_height INTEGER NOT NULL,
    page INTEGER NOT NULL,
    page_suffix TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

# choice: that a person took an attempt of an earlier round, as JSON; see Choice.
_ELEVENTH = "ALTER TABLE jobs ADD COLUMN choice TEXT;"

# pages: the sizes of each page, as JSON. Those of files of several pages are read from their reports again.
_TWELFTH = """
DELETE FROM shown_sizes WHERE page > 0;
ALTER TABLE shown_sizes ADD COLUMN pages TEXT NOT NULL DEFAULT '[]';
"""

_FIRST_TO_NINTH = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH, _SEVENTH, _EIGHTH, _NINTH)
MIGRATIONS = (*_FIRST_TO_NINTH, LIGHT_TABLE, _ELEVENTH, _TWELFTH, *LATER)
SCHEMA_VERSION = len(MIGRATIONS)
