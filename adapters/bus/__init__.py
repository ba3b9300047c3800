"""Message buses, a file each, imported only when it is used. The port is `ports.message_bus`."""
