"""The HTTP transport: session, TLS, credentials, and limits on answers."""
