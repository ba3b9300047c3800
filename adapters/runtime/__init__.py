"""What every part runs on: the clock, background tasks, wake-ups, ids of the host's request."""
