"""Patient surface: what the mini-program and the same pages in a browser ask, below `/app/v1`."""
