"""Compare Pilcrow with plain LlamaIndex on the same questions."""
