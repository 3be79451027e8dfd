"""The build cache: the steps of a Dockerfile, what is in their keys, and which of them hit."""
