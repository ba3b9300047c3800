"""`Settings`, and how they are loaded from files and the environment."""
