"""Passages, neutral sentences and story prompts: loading, validation, audit."""
