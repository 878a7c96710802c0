"""The errors that this program raises on purpose: one class for each answer.

The class says whose fault it was, and so what happens next. The message says what happened, to which file, and what to
do. `reason` is the short, fixed name of a class in metrics and logs.
"""


class FreistellerError(Exception):
    """The base of all errors below."""

    reason = "error"


class BadSettings(FreistellerError):
    """A setting is unknown or has a bad value. Answer: refuse to start, with exit code 2."""

    reason = "bad_settings"


class BadPhoto(FreistellerError):
    """This one photo cannot be processed, whatever we try. Answer: move it to `failed/` with this message."""

    reason = "bad_photo"


class NotWholeYet(FreistellerError):
    """A file is not proven whole. Answer: leave it where it is and look again later."""

    reason = "not_whole_yet"


class BadOrder(FreistellerError):
    """The `freisteller.toml` of a folder in the inbox is wrong. Answer: let its photos wait until the file is right."""

    reason = "bad_order"


class Vanished(FreistellerError):
    """A file went away between two steps. Answer: forget it, because somebody else took it."""

    reason = "vanished"


class RootAway(FreistellerError):
    """The hot folder cannot be reached, or is not the one we know. Answer: stop, touch nothing, look again later."""

    reason = "root_away"


class JournalDamaged(FreistellerError):
    """The journal's file is damaged. Answer: end. The next start sets it aside and reads the folders."""

    reason = "journal_damaged"


class NoRoom(FreistellerError):
    """A disk is full or read-only. Answer: publish nothing, put the job off, look again later."""

    reason = "no_room"


class JournalLocked(NoRoom):
    """Another program keeps the journal locked. Answer: as if there were no room, until it lets go."""

    reason = "journal_locked"


class EngineAway(FreistellerError):
    """No engine answered. Answer: put the job off. It costs no attempt and never brings a photo to `failed/`."""

    reason = "engine_away"


class EngineMisconfigured(FreistellerError):
    """The engine lacks a node, a model or a library. Answer: alert, try another model; else put the job off."""

    reason = "engine_misconfigured"


class EngineFull(FreistellerError):
    """The engine ran out of memory. Answer: let it free memory, then ask for a smaller recipe."""

    reason = "engine_full"


class RecipeRefused(FreistellerError):
    """The engine answered that it cannot do this recipe. Answer: record the attempt as failed, try the next recipe."""

    reason = "recipe_refused"


class WorkerLost(FreistellerError):
    """The process that worked on this photo died or hung. Answer: try the photo again, and count the try."""

    reason = "worker_lost"


class IllegalMove(FreistellerError):
    """A job is not in a state that the move starts from. Answer: change nothing; somebody else moved the job."""

    reason = "illegal_move"


class AlreadyRunning(FreistellerError):
    """Another daemon uses this hot folder or this state directory. Answer: refuse to start, with exit code 2."""

    reason = "already_running"
