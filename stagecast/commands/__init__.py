"""One module a command; each has one function, `run`."""
