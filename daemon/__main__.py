"""`python -m daemon` is `freisteller`. Each worker process imports what the daemon was started by, so this is light."""


def main() -> None:
    """Run the command line."""
    from daemon.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
