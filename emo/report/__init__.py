"""What a reader sees: tables, figures, files of a run."""
