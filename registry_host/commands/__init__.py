"""One module a command: what it does, and the report that it returns."""
