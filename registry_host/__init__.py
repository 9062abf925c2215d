"""Make a Linux host use an on-premises Docker registry, safely."""

__version__ = '0.1.0'
