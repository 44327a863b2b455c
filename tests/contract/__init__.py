"""What partners are promised, held against what the real server answers."""
