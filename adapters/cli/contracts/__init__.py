"""The commands below `contracts`: pacts, their verification, and the Pact broker."""

from shelfport.adapters.cli.contracts.app import contracts_app

__all__ = ["contracts_app"]
