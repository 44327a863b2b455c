"""The portal's pages, one file each: what is here is found at start-up (console/developer/application.py)."""
