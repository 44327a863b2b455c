// An application with the TypeScript client: it does what the test asks for, and tells what came of it.
import {
  ClientSecret,
  HospitalClient,
  PrivateKey,
  problems,
  TokenRefused,
  verifyWebhook,
  WebhookRefused,
} from 'hospital-openapi';
import { browse, hear, tell } from './conversation.js';

const asked = await hear();
const options = { language: 'en', ...(asked.scopes ? { scopes: asked.scopes } : {}) };
const access = asked.pem
  ? await PrivateKey.fromPem(asked.client_id, asked.pem)
  : new ClientSecret(asked.client_id, asked.secret);
const hospital = new HospitalClient(asked.base_url, access, options);

async function all(iterator) {
  const found = [];
  for await (const one of iterator) found.push(one);
  return found;
}

// What a promise is refused with, if it is refused by an error of that class.
async function refusal(promise, kind) {
  try {
    await promise;
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error('not refused');
}

const scenarios = {
  async booking({ slots: [first, second], person }) {
    const patient = await hospital.registerPatient(person);
    const hold = await hospital.holdSeat({ slot_id: first, patient_id: patient.id });
    const own = { idempotencyKey: 'order-1' };
    const booked = await hospital.bookAppointment({ hold_id: hold.id }, own);
    const again = await hospital.bookAppointment({ hold_id: hold.id }, own);
    const other = hospital.bookAppointment({ slot_id: second, patient_id: patient.id }, own);
    const mismatch = await refusal(other, problems.IdempotencyMismatch);
    const moved = await hospital.rescheduleAppointment(booked.id, { slot_id: second });
    const listed = await all(hospital.iterateAppointments({ patient_id: patient.id, limit: 1 }));
    const cancelled = await hospital.cancelAppointment(booked.id, { reason: '临时有事' });
    return { booked, again, field: mismatch.details.field, moved, listed, cancelled };
  },

  async soldOut({ slot_id, patients: [first, second] }) {
    await hospital.bookAppointment({ slot_id, patient_id: first });
    const problem = await refusal(hospital.bookAppointment({ slot_id, patient_id: second }), problems.BookingSoldOut);
    const { code, status, detail, requestId } = problem;
    const schema = await refusal(
      hospital.holdSeat({ slot_id: 'none', patient_id: 'none' }),
      problems.RequestSchemaViolation,
    );
    return {
      code,
      status,
      detail,
      requestId,
      pointers: [...new Set(schema.violations.map((one) => one.pointer))].sort(),
    };
  },

  async pages({ department_id }) {
    const whole = await hospital.getDepartmentTree();
    const again = await hospital.getDepartmentTree();
    const byOne = await all(hospital.iterateSchedules({ department_id, limit: 1 }));
    const atOnce = await hospital.listSchedules({ department_id, limit: 100 });
    const answer = await hospital.request('GET', '/open/v1/departments/tree');
    const { isUnchanged } = await hospital.request('GET', '/open/v1/departments/tree', {
      ifNoneMatch: answer.etag,
    });
    return { isSame: JSON.stringify(whole) === JSON.stringify(again), byOne, atOnce: atOnce.items, isUnchanged };
  },

  async token() {
    const token = await hospital.token();
    hospital.useToken({ ...token, value: 'spoilt' });
    const campuses = (await hospital.listCampuses()).items.length;
    const { value } = await hospital.token();
    return { scopes: token.scopes, campuses, isFresh: value !== 'spoilt' && value !== token.value };
  },

  async tokenRefused() {
    return { error: (await refusal(hospital.listCampuses(), TokenRefused)).error };
  },

  async missingScope() {
    const { code } = await refusal(hospital.listEvents(), problems.OauthInsufficientScope);
    return { code, scopes: (await hospital.token()).scopes };
  },

  async watch({ entry_id }) {
    const seen = [];
    for await (const told of hospital.watchQueueEntry(entry_id)) {
      if (seen.length === 0) await browse('the visit takes place');
      seen.push([told.entry.id, told.entry.status]);
    }
    return { seen, status: (await hospital.getQueueEntry(entry_id)).status };
  },

  async webhook({ body, headers, secrets }) {
    const message = await verifyWebhook(Buffer.from(body), headers, secrets);
    await refusal(verifyWebhook(Buffer.from(`${body} `), headers, secrets), WebhookRefused);
    return message;
  },
};

tell(await scenarios[asked.scenario](asked));
