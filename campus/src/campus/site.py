"""The composition root: settings in, one application out."""
