"""`./hospital demo clinic`: a whole outpatient day in fast time, in a hospital of its own, and what came of it."""
