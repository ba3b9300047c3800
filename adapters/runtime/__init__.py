"""Basics of all adapters: clock, background tasks, wake-up, secrets, ids of the host's request."""
