"""Campus: courses and a live forum, built on Veche."""
