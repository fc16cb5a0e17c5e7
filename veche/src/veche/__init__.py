"""Veche carries a request the whole way: socket, server, framework, data layer, and back, live."""
