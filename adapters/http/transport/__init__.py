"""How a request reaches the service: session, TLS, credentials, caps on what comes back."""
