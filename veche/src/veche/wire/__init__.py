"""Protocol engines: octets in, events or calls out, and back; no sockets, no clock."""
