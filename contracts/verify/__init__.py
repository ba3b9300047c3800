"""Provider verification: does an Inventory Service keep what shelfport's pacts ask of it?"""

from shelfport.contracts.verify.model import Interaction, InteractionVerdict, Mismatch, Verification
from shelfport.contracts.verify.provider import PROVIDER, Provider
from shelfport.contracts.verify.run import BrokerPacts, verify

__all__ = [
    "PROVIDER",
    "BrokerPacts",
    "Interaction",
    "Mismatch",
    "Provider",
    "InteractionVerdict",
    "Verification",
    "verify",
]
