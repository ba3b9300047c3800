"""The composition root: the container, `build`, and a module for each part that they make."""
