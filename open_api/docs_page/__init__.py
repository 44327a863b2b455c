"""The documentation that partners read: one page, made from openapi.json alone, that loads nothing from elsewhere."""
