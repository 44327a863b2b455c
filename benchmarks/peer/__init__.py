"""Another system that sells places and never one twice, measured beside ours on the same machine."""
