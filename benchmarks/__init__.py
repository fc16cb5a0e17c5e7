"""What `./bench NAME` runs; each module with a BENCHMARK line is one NAME."""
