-- When each account's number was proved last, as far as the record of attempts goes back; apart from 0510, whose lock
-- it would hold.
UPDATE patient_account a SET phone_proved_at = e.at
FROM (SELECT subject_id, max(at) AS at FROM sign_in_event
      WHERE subject_kind = 'account' AND (method = 'phone_code' AND kind IN ('signed_in', 'confirmed')
                                          OR kind = 'wechat_bound')
      GROUP BY subject_id) e
WHERE e.subject_id = a.id AND e.at > a.created_at;
