"""Questions with known answers: their type, file format and drafts."""
