"""Who may come in: users, sessions, tokens, and how a request shows whose it is."""
