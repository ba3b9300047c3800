"""The suite of `SharedStore`."""
