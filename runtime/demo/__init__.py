"""`./hospital demo`: the main job told against the running system, over its wires only."""
