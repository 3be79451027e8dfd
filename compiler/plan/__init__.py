"""The plan: its model, how it is made from a checked environment, its JSON and what differs between two."""
