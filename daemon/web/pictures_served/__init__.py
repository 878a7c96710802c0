"""Pictures of jobs for browsers, in tiles of every size."""
