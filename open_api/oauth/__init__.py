"""The authorization server's surface: endpoints and pages over the rules of `oauth`."""
