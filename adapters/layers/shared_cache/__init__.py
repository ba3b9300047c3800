"""The cache that all replicas share: the layer, its client, and the backplane."""
