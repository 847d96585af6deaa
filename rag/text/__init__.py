"""Words, numbers, dates and names: one reader of each, used by every room above."""
