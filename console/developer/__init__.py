"""The developer portal at `/developer`: applications for the open API, their keys, records and webhooks."""
