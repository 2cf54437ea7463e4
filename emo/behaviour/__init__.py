"""Conversations with a model: formats, batches with a cache kept over turns, forced choices, the store."""
