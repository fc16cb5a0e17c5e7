"""A catalogue of courses: the example of FastAPI on Veche's server."""
