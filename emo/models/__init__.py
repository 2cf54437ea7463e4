"""Loading language models: hub ids, local folders, packaged weights, tiny random ones."""
