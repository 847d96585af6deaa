"""The judge: whether paragraphs support a statement."""
