"""Where the master tells what it knows: the control socket and the metrics."""
