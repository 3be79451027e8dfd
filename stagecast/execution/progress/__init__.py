"""Telling people how a run goes, while it goes: a screenful on a terminal, plain lines elsewhere."""
