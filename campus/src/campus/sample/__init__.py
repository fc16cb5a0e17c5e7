"""The sample content that the first start loads."""
