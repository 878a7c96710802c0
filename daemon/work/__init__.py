"""One photo from file to outcome, and many photos at once."""
