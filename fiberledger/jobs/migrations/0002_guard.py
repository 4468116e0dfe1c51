from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant

INDEX = """
CREATE INDEX jobs_waiting_of_tenant ON procrastinate_jobs (((args->>'tenant_id')::bigint), id) WHERE status = 'todo'
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial"), ("procrastinate", "0041_post_retry_failed_job")]
    operations = [
        IsolateByTenant("Run"),
        migrations.RunSQL(INDEX, "DROP INDEX jobs_waiting_of_tenant"),
    ]
