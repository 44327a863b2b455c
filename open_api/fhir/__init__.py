"""The FHIR surface: what SMART applications read of the hospital (http://hl7.org/fhir/R4/http.html)."""
