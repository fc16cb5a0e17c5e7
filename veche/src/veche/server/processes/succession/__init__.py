"""USR2: a new master takes the sockets of an old one over."""
