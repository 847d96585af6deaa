"""The judge: whether paragraphs support a statement, and how reliable that judgement is."""
