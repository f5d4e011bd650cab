"""What `scripts/capacity` is made of: the machine, the measurements, the search for the knee, and the arithmetic."""
