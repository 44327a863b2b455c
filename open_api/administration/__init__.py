"""The slot office's administration: every rule of the seat inventory as data, for the hospital's own applications."""
