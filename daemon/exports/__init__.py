"""Exports lay out the renditions of an order as shops read them: names, lists, and what was left out."""
