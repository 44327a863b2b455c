"""Partners' applications: their registration, how often and from where they may come, and what they did."""
