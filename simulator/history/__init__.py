"""Real runs: reading their traces, and holding the simulator to them."""
