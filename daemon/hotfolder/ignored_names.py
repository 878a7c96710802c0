"""Files and folders that programs leave beside photos, and that nobody means for us."""

import re

# AppleDouble and all other dot files, Windows' and Synology's thumbnails, Office's owner files, half-done downloads
# and copies (browsers, FileZilla, WinSCP, rsync, Syncthing), editors' and NFS' and Samba's left-overs.
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
    """Whether a file of this name is a program's left-over, whatever its suffix says."""
    return _FILES.fullmatch(name) is not None


def is_ignored_folder(name: str) -> bool:
    """Whether a folder of this name, with all that is in it, belongs to a program."""
    return _FOLDERS.fullmatch(name) is not None
