"""Optuna studies: points asked for and told in processes that may come and go."""
