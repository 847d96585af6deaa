"""Storage: the catalog in SQLite and the vectors in Chroma, in one folder."""
