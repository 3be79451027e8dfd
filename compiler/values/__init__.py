"""The scalar values that people write: pure functions without places, raising `malformed.Malformed`."""
