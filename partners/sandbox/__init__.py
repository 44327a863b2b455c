"""What a sandbox lets partners do to themselves: faults, to see how their applications take them."""
