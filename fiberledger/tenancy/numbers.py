from django.db import connection

from .scope import current_tenant_id


def take(name: str, count: int = 1) -> range:
    """The next `count` numbers of the tenant's sequence, without gap or repetition.

    The counter's row stays locked until the transaction ends, which is what keeps it gapless: take numbers as late
    as you can.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO tenancy_counter AS c (tenant_id, name, value) VALUES (%s, %s, %s)
               ON CONFLICT (tenant_id, name) DO UPDATE SET value = c.value + excluded.value RETURNING value""",
            [current_tenant_id(), name, count],
        )
        last = cursor.fetchone()[0]
    return range(last - count + 1, last + 1)
