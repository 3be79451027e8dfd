"""Questions that take many simulations: what if, what to shorten, how many builders."""
