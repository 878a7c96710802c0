"""Finds results that an earlier run put in place, and that people moved before the journal could record that."""

from collections.abc import Sequence

from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake import files_below
from daemon.jobs import Grade
from daemon.publishing.reports import Staged


def in_other_hands(folders: HotFolder, grade: Grade, staged: Sequence[Staged]) -> frozenset[str]:
    """The suffixes of those staged files that lie in another grade folder, or were put back into the inbox.

    They are not put in place once more. A file with a second name that is nowhere is: that may be a backup's.
    Raises OSError.
    """
    suffixes = {found.st_ino: suffix for path, suffix in staged if (found := path.stat()).st_nlink > 1}
    if not suffixes:
        return frozenset()
    tops = [folders.inbox, folders.jobs.returns_root, *(folders.grade(each) for each in Grade if each is not grade)]
    places = {inode for top in tops if top.is_dir() for _, inode in files_below.files_below(top)}
    return frozenset(suffixes[inode] for inode in places & suffixes.keys())
