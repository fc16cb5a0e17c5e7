"""From a listening socket to the first protocol: whom a worker takes, from where, and how they are let in."""
