"""What the journal keeps for people who look at it: events, deeds, and the order of lists. One migration."""

MOST_EVENTS = 100_000
"""How many events are kept. Older ones are deleted, a thousand at a time."""

_NOW = "(julianday('now') - 2440587.5) * 86400.0"
_EVENT = "INSERT INTO events (kind, job_id, folder, state, grade, at)"

# jobs.version: the number of the job's last event. jobs.given: the grade that a person gave the result of this round;
# NULL = nobody has decided.
# verdicts.undone_at: when the person took it back; such a verdict counts no longer. verdicts.deed: the deed that gave
# it, NULL = the file was moved. folders.wish: the priority that a person gave, which goes before that of the settings.
# events: their numbers go on above those of a journal that was lost, because they begin with the time in milliseconds.
# deeds: what people did to photos, other than by moving files. ended_at NULL = begun, and to be carried through.
# fault: why nothing came of it. body: what is wanted and what was before, as JSON. undoes: the deed that this one takes
# back. undone_by: the deed that took this one back.
LIGHT_TABLE = f"""
ALTER TABLE jobs ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN given TEXT;
ALTER TABLE verdicts ADD COLUMN undone_at REAL;
ALTER TABLE verdicts ADD COLUMN deed INTEGER;
ALTER TABLE folders ADD COLUMN wish INTEGER;
UPDATE jobs SET given = (SELECT to_grade FROM verdicts WHERE job_id = jobs.id AND verdicts.round = jobs.round
    ORDER BY verdicts.id DESC LIMIT 1) WHERE id IN (SELECT job_id FROM verdicts);
CREATE INDEX jobs_by_number ON jobs (number, state, folder, given, grade);
CREATE INDEX jobs_by_score ON jobs (coalesce(score, 2.0), number, state, folder, given, grade);
CREATE INDEX jobs_by_folder ON jobs (folder, number, state, given, grade);

CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    job_id TEXT NOT NULL,
    folder TEXT NOT NULL,
    state TEXT,
    grade TEXT,
    at REAL NOT NULL
) STRICT;
INSERT INTO sqlite_sequence VALUES ('events', CAST(strftime('%s', 'now') AS INTEGER) * 1000);
CREATE TRIGGER events_bounded AFTER INSERT ON events WHEN NEW.number % 1000 = 0 BEGIN
    DELETE FROM events WHERE number <= NEW.number - {MOST_EVENTS};
END;
CREATE TRIGGER events_versioned AFTER INSERT ON events BEGIN
    UPDATE jobs SET version = NEW.number WHERE id = NEW.job_id;
END;
CREATE TRIGGER jobs_added_told AFTER INSERT ON jobs BEGIN
    {_EVENT} VALUES (CASE NEW.state WHEN 'waiting' THEN 'admitted' ELSE NEW.state END,
        NEW.id, NEW.folder, NEW.state, coalesce(NEW.given, NEW.grade), {_NOW});
END;
CREATE TRIGGER jobs_changed_told AFTER UPDATE OF state, results, given ON jobs
WHEN OLD.state IS NOT NEW.state OR OLD.given IS NOT NEW.given
    OR (OLD.results IS NOT NEW.results AND NEW.state IN ('done', 'failed')) BEGIN
    {_EVENT} VALUES (CASE WHEN OLD.state IS NOT NEW.state
            THEN CASE NEW.state WHEN 'running' THEN 'started' ELSE NEW.state END
        WHEN OLD.given IS NOT NEW.given THEN 'verdict' ELSE 'moved' END,
        NEW.id, NEW.folder, NEW.state, coalesce(NEW.given, NEW.grade), {_NOW});
END;
CREATE TRIGGER jobs_removed_told AFTER DELETE ON jobs BEGIN
    {_EVENT} VALUES ('removed', OLD.id, OLD.folder, NULL, NULL, {_NOW});
END;
CREATE TRIGGER attempts_told AFTER INSERT ON attempts
WHEN (SELECT state FROM jobs WHERE id = NEW.job_id) = 'running' BEGIN
    {_EVENT} SELECT 'attempt', id, folder, state, grade, {_NOW} FROM jobs WHERE id = NEW.job_id;
END;

CREATE TRIGGER jobs_in_new_round AFTER UPDATE OF round ON jobs WHEN OLD.round IS NOT NEW.round BEGIN
    UPDATE jobs SET given = (SELECT to_grade FROM verdicts
        WHERE job_id = NEW.id AND round = NEW.round AND undone_at IS NULL ORDER BY id DESC LIMIT 1) WHERE id = NEW.id;
END;
CREATE TRIGGER verdicts_given AFTER INSERT ON verdicts BEGIN
    UPDATE jobs SET given = NEW.to_grade WHERE id = NEW.job_id AND round = NEW.round;
END;
CREATE TRIGGER verdicts_undone AFTER UPDATE OF undone_at ON verdicts BEGIN
    UPDATE jobs SET given = (SELECT to_grade FROM verdicts
        WHERE job_id = NEW.job_id AND round = jobs.round AND undone_at IS NULL ORDER BY id DESC LIMIT 1)
        WHERE id = NEW.job_id;
END;

CREATE TABLE deeds (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    job_id TEXT NOT NULL,
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    who TEXT NOT NULL,
    begun_at REAL NOT NULL,
    ended_at REAL,
    fault TEXT,
    body TEXT NOT NULL,
    undoes INTEGER,
    undone_by INTEGER
) STRICT;
CREATE INDEX deeds_unfinished ON deeds (number) WHERE ended_at IS NULL;
CREATE INDEX deeds_of_job ON deeds (job_id, number);
CREATE TRIGGER deeds_told AFTER UPDATE OF ended_at ON deeds
WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND NEW.fault IS NULL BEGIN
    {_EVENT} SELECT 'deed', id, folder, state, coalesce(given, grade), {_NOW} FROM jobs WHERE id = NEW.job_id
        UNION ALL SELECT 'deed', '', NEW.folder, NULL, NULL, {_NOW} WHERE NEW.job_id = '';
END;
"""
