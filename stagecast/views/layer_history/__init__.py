"""How often the layers of an environment's images were in the cache: as text and as JSON."""
