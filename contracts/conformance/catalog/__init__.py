"""The suite of `ProductCatalogPort`."""
