"""Readers of text: one for words, numbers, dates, names and tokens each, used by every other room."""
