"""What a question asks: its words, the kind of answer, the time it is about, and what follow-ups refer to."""
