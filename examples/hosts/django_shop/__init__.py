"""A Product Service on Django."""
