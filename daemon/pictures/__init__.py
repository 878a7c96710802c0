"""Pictures: the only room with image codecs. A file becomes a photo, a photo and an alpha become a cut-out."""
