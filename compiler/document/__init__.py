"""YAML text to plain data and the places of everything in it."""
