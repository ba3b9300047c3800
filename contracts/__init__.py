"""Contracts with the Inventory Service: its API, its events, and a sandbox that keeps both."""
