"""The tables' migrations from the thirteenth on; `schema` has those before them, and says how they are used."""

# failure: the code and the values of `reason`, as JSON; NULL = it has none, as in earlier versions.
_THIRTEENTH = "ALTER TABLE jobs ADD COLUMN failure TEXT;"

# corrections: by model, as JSON; see KeptCorrections.
_FOURTEENTH = """CREATE TABLE corrections (job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    round INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job_id, round)) STRICT, WITHOUT ROWID;"""

# worked_seconds: how long this round was worked on; see WorkTimes. Earlier versions took all of the time between the
# first start and the end for work, so that is what they tell of jobs that were over by then.
_FIFTEENTH = """ALTER TABLE jobs ADD COLUMN worked_seconds REAL NOT NULL DEFAULT 0;
UPDATE jobs SET worked_seconds = max(0.0, finished_at - started_at)
    WHERE finished_at IS NOT NULL AND started_at IS NOT NULL;"""


def _among(promise: str, gut: str, sehr_gut: str) -> str:
    """`jobs.promises.among` in SQL."""
    return (
        f"CASE WHEN {promise} < {gut} THEN {promise} / {gut} "
        f"WHEN {promise} < {sehr_gut} THEN 1.0 + ({promise} - {gut}) / ({sehr_gut} - {gut}) "
        f"WHEN {sehr_gut} < 1.0 THEN 2.0 + ({promise} - {sehr_gut}) / (1.0 - {sehr_gut}) ELSE 3.0 END"
    )


def _said(*names: str) -> str:
    """Columns of these values of an attempt's verdict."""
    return ", ".join(f"json_extract(body, '$.verdict.{name}') AS {name.rpartition('.')[2]}" for name in names)


_VERDICT = _said("rim", "limits.gut", "limits.sehr_gut", "limits.rim_gut", "limits.rim_sehr_gut")
_PLACE = f"""UPDATE jobs SET place = coalesce(
    (SELECT min({_among("jobs.score", "gut", "sehr_gut")},
        CASE WHEN rim IS NULL THEN 3.0 ELSE {_among("rim", "rim_gut", "rim_sehr_gut")} END)
    FROM (SELECT {_VERDICT} FROM attempts
        WHERE job_id = jobs.id AND attempts.round = jobs.round AND attempts.number = jobs.best) WHERE gut IS NOT NULL),
    CASE grade WHEN 'sehr_gut' THEN 2 WHEN 'gut' THEN 1 ELSE 0 END + 0.99 * score)"""

# place: where a result stands among its grades, for lists that show the worst first; see Limits.place_of. Verdicts of
# earlier versions have no limits: such a result stands within its grade by its score. Triggers keep it.
_SIXTEENTH = f"""ALTER TABLE jobs ADD COLUMN place REAL;
{_PLACE} WHERE score IS NOT NULL;
DROP INDEX jobs_by_score;
CREATE INDEX jobs_by_place ON jobs (coalesce(place, 9.0), number, state, folder, given, grade);
CREATE TRIGGER jobs_graded AFTER UPDATE OF grade, score, best, round ON jobs BEGIN
    {_PLACE} WHERE id = NEW.id;
END;
CREATE TRIGGER attempts_added AFTER INSERT ON attempts BEGIN
    {_PLACE} WHERE id = NEW.job_id AND best = NEW.number;
END;
CREATE TRIGGER attempts_changed AFTER UPDATE OF body ON attempts BEGIN
    {_PLACE} WHERE id = NEW.job_id AND best = NEW.number;
END;
CREATE TRIGGER jobs_restored AFTER INSERT ON jobs WHEN NEW.score IS NOT NULL BEGIN
    {_PLACE} WHERE id = NEW.id;
END;"""

# shop_pictures: what stands where in a shop, under the shop's own id; see ShopPicture. It goes with no job: shops
# keep their pictures when rows are pruned.
_SEVENTEENTH = """CREATE TABLE shop_pictures (
    shop TEXT NOT NULL,
    sku TEXT NOT NULL,
    place INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sending', 'uploaded', 'placed', 'there', 'failed', 'replaced')),
    why TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (shop, sku, place, sha256)
) STRICT, WITHOUT ROWID;"""

# shop_notes: what a shop cannot be asked for; see ShopNotes.
_EIGHTEENTH = """CREATE TABLE shop_notes (
    shop TEXT NOT NULL,
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (shop, key)
) STRICT, WITHOUT ROWID;"""

# For the question, asked for each photo that is done, whether one from the same place failed before.
_NINETEENTH = "CREATE INDEX jobs_failed_from ON jobs (source) WHERE state = 'failed';"

# taken_orders: the orders by which a job was taken, as JSON; see KeptOrders. Jobs of earlier versions have none.
_TWENTIETH = """CREATE TABLE taken_orders (job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    round INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job_id, round)) STRICT, WITHOUT ROWID;"""

LATER = (_THIRTEENTH, _FOURTEENTH, _FIFTEENTH, _SIXTEENTH, _SEVENTEENTH, _EIGHTEENTH, _NINETEENTH, _TWENTIETH)
