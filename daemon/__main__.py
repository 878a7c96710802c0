"""`python -m daemon` is `freisteller`."""

from daemon.cli.main import main

if __name__ == "__main__":
    main()
