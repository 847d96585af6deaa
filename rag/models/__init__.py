"""Models: the embedder, the optional reranker, and the optional language model that writes answers."""
