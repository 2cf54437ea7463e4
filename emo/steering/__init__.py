"""Steering: vectors added to the residual stream while a model writes, and what it then writes."""
