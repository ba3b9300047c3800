"""The durable queue, in SQLite or PostgreSQL (the extras `sqlite` and `postgres`)."""
