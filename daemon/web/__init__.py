"""A window for people and programs: pages, pictures and an API, served by the daemon itself on one port."""
