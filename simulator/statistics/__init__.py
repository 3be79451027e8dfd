"""Quantiles, means and paired differences, each with how sure it is. Numbers only."""
