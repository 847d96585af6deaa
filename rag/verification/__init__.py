"""Check whether the cited paragraphs support a statement."""
