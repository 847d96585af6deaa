"""Words, numbers, dates, names and tokens of a text: one reader of each, for all other rooms."""
