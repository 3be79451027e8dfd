"""The JSON Schemas of everything that is read or written, as package data: `NAME.schema.json`."""
