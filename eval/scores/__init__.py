"""Scores of each answer: correctness, citations, abstention and retrieval."""
