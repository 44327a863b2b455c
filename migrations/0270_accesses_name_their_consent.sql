-- Under which consent, and for whose account, an application saw or changed something; neither where it acted for itself.
ALTER TABLE patient_access_log ADD COLUMN consent_id uuid, ADD COLUMN account_id uuid;

CREATE OR REPLACE VIEW patient_access_told AS
    SELECT 'access' AS source, id, at, patient_id, client_id, operation, action, request_id, consent_id, account_id
    FROM patient_access_log
    UNION ALL
    SELECT 'booking', e.id, e.at, e.patient_id, e.client_id, e.kind, 'change', e.request_id, NULL, NULL
    FROM booking_event e JOIN oauth_client c ON c.id = e.client_id AND c.kind = 'partner'
    WHERE e.patient_id IS NOT NULL;
