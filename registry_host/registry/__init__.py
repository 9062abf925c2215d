"""Registries, asked over the distribution API."""
