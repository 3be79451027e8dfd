"""Engines: a network and a matrix of durations in, a trace out.

Each engine is a module with the same names, listed here: `NAME`, `covers(network)`
(None, or why it cannot run such a network) and `simulate(network, durations_s, fails)`.
The reference, SimPy, covers everything; every other one gives the same trace bit for bit.
"""
