"""`python -m daemon` is `freisteller`. Each worker process imports what the daemon was started by, so this is light."""


def main() -> None:
    """Run the command line, or end with code 2 if files of another package called daemon lie over ours."""
    import atexit
    import gc

    import daemon

    if "cut_out" not in getattr(daemon, "__all__", ()):
        from freisteller_command import end

        end(f"{daemon.__file__} was overwritten by another package called daemon.")
    _speak_utf8()
    gc.disable()  # nothing that imports make is garbage, and looking for it is a fifth of the start
    from daemon.cli.main import main as run

    gc.freeze()
    gc.enable()
    atexit.register(gc.freeze)  # nor is it worth looking when all of it goes
    run()


def _speak_utf8() -> None:
    """Start again in UTF-8 if the locale is another one: our folders and people's files have umlauts in their names."""
    import io
    import os
    import sys

    if sys.getfilesystemencoding().lower() != "utf-8":
        os.putenv("PYTHONUTF8", "1")  # for the programs that we start
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # a name may hold any byte


if __name__ == "__main__":
    main()
