"""Tells the names of files and folders that programs leave beside photos, and that are never meant for us."""

import re

# AppleDouble and all other dot files, thumbnails of Windows and Synology, Office's owner files, unfinished downloads
# and copies (browsers, FileZilla, WinSCP, rsync, Syncthing), left-overs of editors, NFS and Samba.
_FILES = re.compile(
    r"\..*"
    r"|thumbs\.db|ehthumbs\.db|desktop\.ini|icon\r"
    r"|~\$.*|.*~"
    r"|.*\.(tmp|temp|part|partial|crdownload|download|filepart|swp|swo|bak|lock|!ut|aria2)"
    r"|.*\.(cop|cof|cot|cos|comask)",
    re.IGNORECASE | re.DOTALL,
)
_FOLDERS = re.compile(
    r"\..*"  # .Spotlight-V100, .Trashes, .stfolder, .stversions, .AppleDouble, .sync, our own
    r"|@eadir|#recycle|#snapshot|@recycle|@recently-snapshot"
    r"|__macosx|captureone|lost\+found|network trash folder|temporary items"
    r"|\$recycle\.bin|system volume information",
    re.IGNORECASE | re.DOTALL,
)


def is_ignored_file(name: str) -> bool:
    """Whether a file of this name is left by a program, whatever its suffix says."""
    return _FILES.fullmatch(name) is not None


def is_ignored_folder(name: str) -> bool:
    """Whether a folder of this name, with all its content, belongs to a program."""
    return _FOLDERS.fullmatch(name) is not None
