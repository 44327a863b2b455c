-- Plainer words in messages that a hospital has not worded itself: what differs from the words it was given stays.

UPDATE notification_kind SET version = version + 1, body_zh = '{patient}已预约{starts_at} {department} {practitioner}医生，{campus}，第{queue_number}号。请按时到院签到。'
WHERE code = 'appointment.booked'
  AND body_zh = '{patient}已预约{starts_at} {department} {practitioner}医生，{campus}，{queue_number}号。请按时到院签到。';
UPDATE notification_kind SET version = version + 1, body_zh = '{patient}的就诊已改为{starts_at} {department} {practitioner}医生，{campus}，第{queue_number}号。'
WHERE code = 'appointment.moved'
  AND body_zh = '{patient}的就诊已改为{starts_at} {department} {practitioner}医生，{campus}，{queue_number}号。';
UPDATE notification_kind SET version = version + 1, body_zh = '很抱歉，{was_at}的门诊停诊。已为{patient}改约到{starts_at} {department} {practitioner}医生，第{queue_number}号。不方便可在预约里取消。'
WHERE code = 'stop.moved'
  AND body_zh = '很抱歉，{was_at}的门诊停诊。已为{patient}改约到{starts_at} {department} {practitioner}医生，{queue_number}号。不方便可在预约里取消。';
UPDATE notification_kind SET version = version + 1, body_zh = '{starts_at}的门诊恢复，{patient}的预约照常有效，第{queue_number}号。'
WHERE code = 'stop.kept'
  AND body_zh = '{starts_at}的门诊恢复，{patient}的预约照常有效，{queue_number}号。';
UPDATE notification_kind SET version = version + 1, body_zh = '{starts_at}的门诊有变动，{patient}的预约暂时保留（第{queue_number}号），医院会与您联系。'
WHERE code = 'stop.pending'
  AND body_zh = '{starts_at}的门诊有变动，{patient}的预约暂时保留（{queue_number}号），医院会与您联系。';

UPDATE notification_kind SET version = version + 1, body_en = 'The {order_kind} of {patient}, {amount}, could not be booked. The money is refunded to your original payment method.'
WHERE code = 'payment.rejected'
  AND body_en = 'The {order_kind} of {patient}, {amount}, could not be booked. The money goes back the way it came.';
UPDATE notification_kind SET version = version + 1, body_en = 'The refund of {amount} for {patient} ({order_kind}) is under way. We will tell you when it is done.'
WHERE code = 'payment.refund_requested'
  AND body_en = 'The refund of {amount} for {patient} ({order_kind}) is under way. We tell you when it is done.';
UPDATE notification_kind SET version = version + 1, body_en = '{amount} for {patient} ({order_kind}) has been refunded to your original payment method.'
WHERE code = 'payment.refunded'
  AND body_en = 'The refund of {amount} for {patient} ({order_kind}) has gone back the way it came.';
