"""The notification centre: events become messages, each once for each account that they concern."""
