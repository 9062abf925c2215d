"""Changing a host as one transaction: lock, journal, apply, roll back, undo."""
