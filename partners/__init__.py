"""Partner applications: what they may use, what they are told, what they did."""
