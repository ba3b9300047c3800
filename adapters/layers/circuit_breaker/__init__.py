"""The circuit breaker: the layer, and its state machine."""
