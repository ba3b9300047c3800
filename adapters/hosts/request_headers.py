"""Which headers of a host's request tie its records and its requests to those of its caller."""

CORRELATION_ID = "X-Correlation-ID"
TRACEPARENT = "traceparent"
"""https://www.w3.org/TR/trace-context/#traceparent-header"""
