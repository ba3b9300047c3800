"""Provider verification: checks that an Inventory Service keeps shelfport's pacts."""

from shelfport.contracts.verify.model import (
    InteractionVerdict,
    Mismatch,
    Verification,
    VerifiedInteraction,
)
from shelfport.contracts.verify.provider import PROVIDER, Provider
from shelfport.contracts.verify.run import BrokerPacts, verify

__all__ = [
    "PROVIDER",
    "BrokerPacts",
    "InteractionVerdict",
    "Mismatch",
    "Provider",
    "Verification",
    "VerifiedInteraction",
    "verify",
]
