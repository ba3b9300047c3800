"""Shared test support: clocks, ports, servers and makers of values."""
