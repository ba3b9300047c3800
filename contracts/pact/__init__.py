"""The pact between shelfport and the Inventory Service, generated from the contract's yaml files.

Needs the extra `contracts`.
"""
