"""Durations of every replication, drawn from laws by streams that depend on nothing else."""
