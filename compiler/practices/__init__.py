"""Practices: what a Dockerfile could do better for the build cache, and what that is worth."""
