"""Reads the command line and prints the answers."""

from daemon.cli.main import main

__all__ = ["main"]
