"""What several practices ask of a Dockerfile: commands, the line of stages, what changes, what may move."""
