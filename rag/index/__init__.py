"""Storage: the catalog in SQLite or PostgreSQL and the vectors in Chroma, kept consistent."""
