"""Doctor: what is wrong with a host, and which command fixes it."""
