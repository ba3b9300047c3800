"""The Pact broker: stores pacts, verification results and deployments of both sides."""

from shelfport.contracts.broker.access import BrokerAccess
from shelfport.contracts.broker.client import (
    CONSUMER,
    Decision,
    Pair,
    can_i_deploy,
    publish,
    record_deployment,
)
from shelfport.contracts.broker.version import Version

__all__ = [
    "CONSUMER",
    "BrokerAccess",
    "Decision",
    "Pair",
    "Version",
    "can_i_deploy",
    "publish",
    "record_deployment",
]
