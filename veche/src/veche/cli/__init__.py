"""To be filled by its first modules."""
