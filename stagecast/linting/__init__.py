"""`stagecast lint`: which Dockerfiles, what is said of each, and writing fixes."""
