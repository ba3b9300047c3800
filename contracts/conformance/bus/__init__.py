"""The suite of `Bus`, with its `Source` and its `Publisher`."""
