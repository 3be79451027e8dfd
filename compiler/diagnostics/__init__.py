"""What is said about an input: findings, the catalog of their codes, and the forms they are printed in."""
