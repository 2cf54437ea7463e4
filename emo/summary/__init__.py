"""From logged runs to one summary: the runs that are used, what is read of them, what is computed."""
