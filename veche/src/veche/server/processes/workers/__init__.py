"""The workers as their master sees them, from start to end."""
