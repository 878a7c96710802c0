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

LATER = (_THIRTEENTH, _FOURTEENTH, _FIFTEENTH)
