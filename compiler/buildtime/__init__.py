"""How long builds take: durations of steps, and which of them run, by the Dockerfile and the history."""
