"""Find the paragraphs of the index that may answer a question."""
