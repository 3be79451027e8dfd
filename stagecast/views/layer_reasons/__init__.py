"""Why steps of a build hit or miss: as text and as JSON."""
