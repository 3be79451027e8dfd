"""The scripts that a CI job runs, written into the output exactly as they are here.

Owns what happens on a runner: finding out what must be built, building,
mirroring and deploying. Takes its data from one JSON file (`contract.Document`)
that a back end wrote, and its secrets from the environment; so no value of a
spec ever stands in a script or in a shell command. Must not import anything but
the standard library and its own modules: on the runner there is nothing else.
Runs on Python 3.10 and later.
"""
