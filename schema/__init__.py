"""JSON Schema 2020-12 files: the only source for validation, OpenAPI and SDK types."""
