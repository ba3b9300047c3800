"""The suite of `Telemetry`."""
