"""One daemon: opened, wired, started, looked after and stopped."""
