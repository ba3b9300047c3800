"""The suite of `Notifier`."""
