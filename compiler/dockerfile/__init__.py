"""Dockerfiles: what they build from, take and run as. Never raises for what a file says."""
