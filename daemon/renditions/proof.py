"""Holds a written rendition against its rules: the file is decoded anew, and what was meant counts for nothing."""

from pathlib import Path

from daemon.pictures.as_written import as_written
from daemon.pictures.codec_errors import Undecodable
from daemon.renditions.evidence import FileEvidence, ToProve, evidence_of
from daemon.renditions.shop_rules import RULES
from daemon.renditions.wanted import Proved


def prove(path: Path, asked: ToProve) -> tuple[Proved, ...]:
    """Decode a file and hold it against each rule that is asked. Raises OSError if it cannot be read."""
    try:
        file = as_written(path)
    except Undecodable as error:
        return (Proved("readable", False, str(error), "-"),)
    return proved(evidence_of(path.name, file, asked))


def proved(evidence: FileEvidence) -> tuple[Proved, ...]:
    """Each rule that is asked, with what was found."""
    found = ((rule, finding(evidence)) for rule, finding in RULES.items())
    return tuple(Proved(rule, *finding) for rule, finding in found if finding is not None)
