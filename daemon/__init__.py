"""Freisteller: a hot-folder daemon for background removal."""

__version__ = "0.2.0"
