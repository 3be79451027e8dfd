"""Shell commands in a RUN: reading them, and what they do (install, compile, download)."""
