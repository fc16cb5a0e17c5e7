"""Listening sockets: what they are called, who has opened them, who holds a port that we cannot have."""
