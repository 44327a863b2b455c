"""The medical insurance's mobile payment centre as a sandbox meets it."""
