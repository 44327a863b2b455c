// npm fhir 4.12: cardinality, types and required bindings of R4, by HL7's own definitions.
import fhir from 'fhir';
import { hear, tell } from './conversation.js';

const validator = new fhir.Fhir();
const { resources } = await hear();
tell(resources.map((resource) => validator.validate(resource, { errorOnUnexpected: true })));
