"""From labelled items to emotion vectors, their RDM and what describes it."""
