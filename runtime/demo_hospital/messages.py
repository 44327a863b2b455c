"""The demonstration hospital sends its messages by the sandbox's WeChat and its gateway for short messages too."""

from kernel.audit import record_change
from kernel.db import database
from kernel.events import Actor
from notifications.wording import number_names
from runtime.sandbox_messages import PAGE, SHORT_TEMPLATES, TEMPLATES


async def load_message_templates(*, actor: Actor) -> int:
    """Give the kinds of messages that have no template those of the sandbox; gives how many.

    A kind whose template or fields somebody has set keeps them.
    """
    loaded = 0
    async with database().transaction() as tx:
        for template in TEMPLATES:
            for kind, fields in template.kinds.items():
                row = await tx.fetchrow(
                    "UPDATE notification_kind SET wechat_template_id = $2, wechat_fields = $3, wechat_page = $4,"
                    " version = version + 1 WHERE code = $1 AND wechat_template_id IS NULL AND wechat_fields = '{}'"
                    " RETURNING code, wechat_template_id, wechat_fields, wechat_page, version",
                    kind,
                    template.id,
                    fields,
                    PAGE,
                )
                if row is not None:
                    loaded += 1
                    await record_change(
                        tx,
                        entity="notification_kind",
                        entity_id=kind,
                        action="updated",
                        before={"version": row["version"] - 1, "wechat_template_id": None},
                        after=dict(row),
                        actor=actor,
                    )
    return loaded


async def load_short_message_templates(*, actor: Actor) -> int:
    """Give the kinds of messages those templates of the sandbox's gateway that say their words; gives how many.

    A kind whose words or template somebody has set keeps them.
    """
    loaded = 0
    async with database().transaction() as tx:
        for kind, template in SHORT_TEMPLATES.items():
            words = await tx.fetchval(
                "SELECT sms FROM notification_kind WHERE code = $1 AND sms_template_id IS NULL FOR UPDATE", kind
            )
            if words is None or number_names(words) != template.content:
                continue
            row = await tx.fetchrow(
                "UPDATE notification_kind SET sms_template_id = $2, version = version + 1 WHERE code = $1"
                " RETURNING code, sms_template_id, version",
                kind,
                template.id,
            )
            assert row is not None, "it is locked"
            loaded += 1
            await record_change(
                tx,
                entity="notification_kind",
                entity_id=kind,
                action="updated",
                before={"version": row["version"] - 1, "sms_template_id": None},
                after=dict(row),
                actor=actor,
            )
    return loaded
