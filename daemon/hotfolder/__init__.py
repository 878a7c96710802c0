"""The folders of a hot folder, and who may change what in them."""
