"""Ingestion: read files, split and embed them, and store them in the index."""
