-- What offices do with a complaint, a suggestion or praise is told to the account that filed it.

ALTER TABLE notification_kind DROP CONSTRAINT notification_kind_kind_group_check;
ALTER TABLE notification_kind ADD CONSTRAINT notification_kind_kind_group_check
    CHECK (kind_group IN ('appointment', 'waitlist', 'queue', 'payment', 'feedback', 'report', 'bed'));

INSERT INTO notification_kind (code, kind_group, is_important, passes_quiet_hours, fallback_minutes,
                               title_zh, title_en, body_zh, body_en, sms) VALUES
('feedback.acknowledged', 'feedback', false, false, NULL, '您反映的事情已有人处理', 'Somebody is seeing to it',
 '您为{patient}反映的事情，医院已经收到并开始处理，会按期答复您。',
 'The hospital has read what you wrote for {patient} and is seeing to it. You will have an answer in time.', NULL),
('feedback.transferred', 'feedback', false, false, NULL, '已转给负责的部门', 'Passed on to the right office',
 '您为{patient}反映的事情，已转给负责的部门。答复的期限不变。',
 'What you wrote for {patient} was passed on to the office that can settle it. The day of your answer stays.', NULL),
('feedback.answered', 'feedback', true, false, 720, '医院答复您了', 'The hospital has answered you',
 '您为{patient}反映的事情，医院已经答复。如果还没有解决，可以请医院再处理一次。',
 'The hospital has answered what you wrote for {patient}. If that does not settle it, you can ask once more.',
 '您反映的事情，医院已经答复，请到小程序查看。'),
('feedback.closed', 'feedback', false, false, NULL, '您反映的事情已办结', 'Your case is closed',
 '您为{patient}反映的事情已经办结。谢谢您告诉我们。',
 'What you wrote for {patient} is settled and closed. Thank you for telling us.', NULL);
