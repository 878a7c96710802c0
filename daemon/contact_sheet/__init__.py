"""Contact sheets lay results out for people to look at."""
