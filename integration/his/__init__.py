"""The core HIS: the port it stands behind, its adapters, and the engine that keeps both in step."""
