"""Between a connection and the kernel: what is written, when, and how it ends."""
