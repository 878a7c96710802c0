"""`python -m daemon` is `freisteller`."""

from daemon.cli import main

if __name__ == "__main__":
    main()
