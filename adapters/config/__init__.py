"""`Settings`, and their loading from files and the environment."""
