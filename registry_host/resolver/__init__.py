"""resolv.conf without loss, and the DNS managers that write it."""
