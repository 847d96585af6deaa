"""Questions with known answers: reading, checking and drafting them."""
