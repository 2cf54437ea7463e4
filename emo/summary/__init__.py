"""From logged runs to one study: which runs are taken, what is read of them, what is computed."""
