"""Read files into the index."""
