from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]
    operations = [IsolateByTenant("Run")]
