"""Lets `python -m registry_host` run the command line."""

from registry_host.cli import main

main()
