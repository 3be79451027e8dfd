"""Replications to a forecast: blocks of them, their critical paths, what is said of them, the gate."""
