"""`contracts`: pacts verified against a provider, and what a Pact broker is told and asked."""

from shelfport.adapters.cli.contracts.app import contracts_app

__all__ = ["contracts_app"]
