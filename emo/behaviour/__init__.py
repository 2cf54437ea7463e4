"""Conversations with a model: formats, batches whose cache is kept over turns, forced choices."""
