"""TLS towards the Inventory Service: contexts, certificates, and what a failed handshake means."""
