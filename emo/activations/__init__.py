"""Reading the residual stream: the backend contract, its implementations, the store."""
