"""The process itself: who it is, how it ends, how far it is."""
