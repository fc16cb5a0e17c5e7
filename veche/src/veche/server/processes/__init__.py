"""The master, its workers and the sockets they share."""
