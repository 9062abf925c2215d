"""Docker: found, asked, told to reload; daemon.json held against its own rules."""
