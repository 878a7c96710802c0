"""From a file in `inbox/` to a job's own folder, and from there to where people find it."""
