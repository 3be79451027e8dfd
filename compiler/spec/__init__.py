"""The environment spec: its model and schema, how it is read, and everything that is checked of it."""
