"""Runs of the evaluation: record, resume, compare, accept."""
