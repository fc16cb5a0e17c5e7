"""Page layouts: each one template with a slot for its children."""
