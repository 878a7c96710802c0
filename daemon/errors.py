"""What can go wrong: one class per answer to it.

The class says whose fault it was and so what happens next; the message says what, which file, and what to do.
`reason` is the short, fixed name of a class in metrics and logs.
"""


class FreistellerError(Exception):
    """Everything this program raises on purpose."""

    reason = "error"


class BadSettings(FreistellerError):
    """A setting is unknown or has a bad value. Answer: refuse to start, exit code 2."""

    reason = "bad_settings"


class BadPhoto(FreistellerError):
    """This one photo cannot be processed, whatever we try. Answer: into `failed/` with this message."""

    reason = "bad_photo"


class NotWholeYet(FreistellerError):
    """A file is not proven whole. Answer: leave it where it is and look again later."""

    reason = "not_whole_yet"


class BadOrder(FreistellerError):
    """The `freisteller.toml` of a sub-folder of the inbox is wrong. Answer: its photos wait until it is right."""

    reason = "bad_order"


class Vanished(FreistellerError):
    """A file went away between two steps. Answer: forget it, somebody else took it."""

    reason = "vanished"


class RootAway(FreistellerError):
    """The hot folder itself cannot be reached or is not the one we know. Answer: pause, touch nothing, look again."""

    reason = "root_away"


class JournalDamaged(FreistellerError):
    """The journal's file is damaged. Answer: end; the next start sets it aside and goes on with what folders hold."""

    reason = "journal_damaged"


class NoRoom(FreistellerError):
    """A disk is full or read-only. Answer: publish nothing, postpone the job, look again."""

    reason = "no_room"


class EngineAway(FreistellerError):
    """Nobody answered. Answer: postpone the job; it costs no attempt and is never a road to `failed/`."""

    reason = "engine_away"


class EngineMisconfigured(FreistellerError):
    """A node, a model or a library is missing. Answer: pause that engine, alert, postpone; no photo fails."""

    reason = "engine_misconfigured"


class EngineFull(FreistellerError):
    """Out of memory. Answer: let it free memory, then a smaller recipe."""

    reason = "engine_full"


class RecipeRefused(FreistellerError):
    """The engine answered that it cannot do this recipe. Answer: note the attempt as failed, next recipe."""

    reason = "recipe_refused"


class IllegalMove(FreistellerError):
    """A job is not in the state that a transition starts from. Answer: change nothing; somebody else moved it."""

    reason = "illegal_move"


class AlreadyRunning(FreistellerError):
    """Another daemon holds this hot folder or this state directory. Answer: refuse to start, exit code 2."""

    reason = "already_running"
