"""Message buses: one module a broker, imported only when it is used; see `ports.message_bus`."""
