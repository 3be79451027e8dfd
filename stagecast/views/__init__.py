"""What commands print of compiler results: texts and graphs for people."""
