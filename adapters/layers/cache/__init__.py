"""The cache in memory: the layer, the store of readings, and what it counts."""
