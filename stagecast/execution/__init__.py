"""The local run: a plan carried out on this machine, by the same scripts that CI runs.

`schedule` says what may start (what), `runner` is the loop (when), `processes`
starts and ends the scripts (how), `progress` tells. Time is a value of the
commands: tests hold a clock of their own.
"""
