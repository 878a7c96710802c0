"""Renditions: named pictures for shops, made from one result, each held against its rules after it is written."""
