"""The headers of a host's request with its correlation id and trace context."""

CORRELATION_ID = "X-Correlation-ID"
TRACEPARENT = "traceparent"
"""https://www.w3.org/TR/trace-context/#traceparent-header"""
