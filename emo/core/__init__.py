"""The science, recomputable from saved arrays: numpy and scipy only."""
