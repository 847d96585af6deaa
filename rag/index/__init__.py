"""What is stored: the catalog in SQLite and the vectors in Chroma."""
