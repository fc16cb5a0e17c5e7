"""What the machine and its supervisor tell the master, and what it tells them."""
