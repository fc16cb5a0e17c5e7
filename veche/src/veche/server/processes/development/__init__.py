"""`--reload`: a change of files starts over, and a page says why the application does not start."""
