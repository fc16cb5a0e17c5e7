"""Categories, threads and messages, live."""
