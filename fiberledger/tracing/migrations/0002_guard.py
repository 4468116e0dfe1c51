from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("tracing", "0001_initial"), ("ipam", "0005_cgnat_guard")]
    operations = [IsolateByTenant("TraceCase")]
