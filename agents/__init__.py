"""Search strategies, one file each, found through the registry."""
