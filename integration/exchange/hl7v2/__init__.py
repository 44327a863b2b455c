"""The HL7 v2.5.1 profile of docs/his-integration.md: segments by subject, and the profile itself."""
