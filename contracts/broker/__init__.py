"""The Pact broker: where consumer and provider leave what the other must know before a release."""

from shelfport.contracts.broker.access import BrokerAccess

__all__ = ["BrokerAccess"]
