"""Nameservers of a host: who keeps them, how they are changed, and whether it holds."""
