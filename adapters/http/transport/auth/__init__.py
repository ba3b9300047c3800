"""Credentials of a request: where the secret comes from, and how it is sent."""
