"""Finds whole photos in `inbox/`, and gives each a job."""
