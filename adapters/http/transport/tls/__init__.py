"""TLS to the Inventory Service: contexts, certificates, and the errors of handshakes."""
