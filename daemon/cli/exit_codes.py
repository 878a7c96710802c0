"""The exit codes of every command; scripts, systemd and containers rely on them."""

OK = 0
FAILED = 1  # a photo failed or still waits, or something is not as it should be
USAGE = 2  # the command line, the settings or the machine need a person
LATER = 75  # EX_TEMPFAIL of sysexits.h: a disk or a share is away or full; the same command works once it is back
