"""Statistics that know no emotion: correlations, intervals, resampling, factorials."""
