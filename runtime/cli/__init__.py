"""The `./hospital` commands, run from the virtual environment that the script has made."""
