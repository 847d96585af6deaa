"""Scores of each answer and of a whole run."""
