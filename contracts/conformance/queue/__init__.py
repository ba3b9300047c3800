"""The suite of `InitializationQueue`."""
