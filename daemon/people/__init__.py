"""What people say with files: verdicts, put-backs, retries, and orders that are wrong."""
