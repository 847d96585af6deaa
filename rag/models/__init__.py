"""Local models and language models: embedder, reranker, endpoints."""
