"""The only door to files, programs, users and the network."""
