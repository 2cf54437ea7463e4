"""Optuna studies, evaluated by any number of processes that may start and end at any time."""
