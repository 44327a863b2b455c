"""Ways to reach a core HIS: HL7 v2 over MLLP, and REST for what is pulled."""
