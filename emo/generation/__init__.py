"""Texts from a model: prompts as token ids, decoding, the text store, what is read of a text."""
