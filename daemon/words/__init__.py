"""Texts for people, in their language: one catalogue for files, notices and pages."""
