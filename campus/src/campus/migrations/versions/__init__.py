"""One file for each step of the history; 0001 is the first."""
