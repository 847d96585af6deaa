"""Whether a paragraph supports a statement."""
