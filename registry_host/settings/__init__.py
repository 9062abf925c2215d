"""What the operator asks for, and the rules for each value."""
